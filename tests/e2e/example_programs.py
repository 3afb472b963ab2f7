"""The programs of examples/ that embed with a client: what each needs, how it is made ready and started, and the texts it
embeds, in the order in which it prints their vectors. Run where they lie, or, with a project file, copied to build/clients/NAME.
"""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass

import pytest

QUESTION, ANSWER, FOREIGN = "Where is the session token checked?", "The middleware checks it.", "naïve café, 東京, 😀"
PLAIN = [(QUESTION, "passage"), (FOREIGN, "passage"), ("", "passage")]
RETRIEVAL = [(ANSWER, "passage"), (FOREIGN, "passage"), ("", "passage"), (QUESTION, "query")]


@dataclass(frozen=True)
class Example:
    name: str
    run: list            # {python} is this interpreter
    texts: list          # [(text, input type)]
    needs: tuple = ()    # programs that must be on PATH
    ready: list = None   # once, before the first run; where this is given, NAME is a folder
    retries: str | bool = True  # the client tries again after a 429, "in time": not before Retry-After says

    def __str__(self):
        return self.name


CURL = Example("curl.sh", ["sh", "curl.sh"], PLAIN, retries=False)
OPENAI = Example("with_openai.py", ["{python}", "with_openai.py"], PLAIN, retries="in time")
LANGCHAIN_NVIDIA = Example("with_langchain_nvidia.py", ["{python}", "with_langchain_nvidia.py"], RETRIEVAL, retries=False)
LANGCHAIN_OPENAI = Example("with_langchain_openai.py", ["{python}", "with_langchain_openai.py"], PLAIN, retries="in time")
LLAMA_INDEX = Example("with_llama_index.py", ["{python}", "with_llama_index.py"], RETRIEVAL, retries="in time")
LITELLM = Example("with_litellm.py", ["{python}", "with_litellm.py"], PLAIN, retries="in time")
HAYSTACK = Example("with_haystack.py", ["{python}", "with_haystack.py"], RETRIEVAL, retries=False)
NODE = Example("node", ["node", "embed.mjs"], PLAIN, needs=("node", "npm"), ready=["npm", "ci", "--silent", "--no-audit"],
               retries="in time")
GO = Example("go", ["./embed"], PLAIN, needs=("go",), ready=["env", "CGO_ENABLED=0", "go", "build", "-trimpath", "-o", "embed", "."],
             retries="in time")
JAVA = Example("java", ["java", "-cp", "target/classes:target/lib/*", "Embed"], PLAIN[:2], needs=("mvn", "java"),
               ready=["mvn", "-q", "-B", "compile"])
RUST = Example("rust", ["target/debug/embed"], PLAIN, needs=("cargo",), ready=["cargo", "build", "--locked", "--quiet"],
               retries="in time")

LIGHT = [CURL, OPENAI, LANGCHAIN_NVIDIA, NODE]
ALL = [CURL, OPENAI, LANGCHAIN_NVIDIA, LANGCHAIN_OPENAI, LLAMA_INDEX, LITELLM, HAYSTACK, NODE, GO, JAVA, RUST]


def f32(vector):
    """Its bits: two vectors are the same exactly when these are."""
    return struct.pack(f"<{len(vector)}f", *vector)


def commands_vectors(lode, model, texts):
    """What `lode embed` makes of [(text, input type)], as bytes, in that order."""
    made = {}
    for side in {side for _, side in texts}:
        mine = [text for text, text_side in texts if text_side == side]
        done = subprocess.run([lode, "embed", "-", "--model", model, "--quiet", "--text-field", "text", "--input-type", side],
                              input="".join(json.dumps({"text": text}) + "\n" for text in mine), capture_output=True, text=True,
                              check=True)
        rows = [json.loads(line)["embedding"] for line in done.stdout.splitlines()]
        made.update(zip([(text, side) for text in mine], map(f32, rows), strict=True))
    return [made[row] for row in texts]


def folder_of(example, root):
    """Where it is started from; installs and builds what it needs there, once. Skips where its toolchain is absent."""
    for program in example.needs:
        if not shutil.which(program):
            pytest.skip(f"{example}: no {program} on PATH")
    source = root / "examples"
    if not example.ready:
        return source
    source = source / example.name
    folder = root / "build/clients" / example.name
    files = sorted(path for path in source.rglob("*") if path.is_file() and not {"node_modules", "target"} & set(path.parts))
    state = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    stamp = folder / ".ready"
    if not stamp.is_file() or stamp.read_text() != state:
        for path in files:
            copy = folder / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        done = subprocess.run(["nice", *example.ready], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=1800)
        assert done.returncode == 0, f"{' '.join(example.ready)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        stamp.write_text(state)
    return folder


def start(example, root, base_url, model=None):
    """-> CompletedProcess of the program against that server."""
    folder = folder_of(example, root)
    env = {key: value for key, value in os.environ.items() if key not in ("BASE_URL", "MODEL") and not key.endswith("_API_KEY")}
    env["BASE_URL"] = base_url
    if model:
        env["MODEL"] = model
    command = [part.replace("{python}", sys.executable) for part in example.run]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)


def printed_vectors(done):
    """The vectors that a program printed, as bytes: one JSON array a line, or the server's reply as curl prints it."""
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    if isinstance(rows[0], dict):
        rows = [row["embedding"] for row in rows[0]["data"]]
    return [f32(row) for row in rows]
