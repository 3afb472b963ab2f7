"""The README's examples, pasted and run: every ```sh and ```python block, from the root of a tree, while the server that
`make serve` starts is running. A ```text block right behind one is what it prints: `...` stands for anything, numbers agree to
three decimals."""
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT, free_port, running_server, wait_ready

README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def examples():
    """-> [(language, code, expected output or None)]"""
    found = [(m.group(1), m.group(2), m.start(), m.end()) for m in BLOCK.finditer(README)]
    out = []
    for i, (language, code, _, end) in enumerate(found):
        if language not in ("sh", "python"):
            continue
        follows = i + 1 < len(found) and found[i + 1][0] == "text" and not README[end:found[i + 1][2]].strip()
        out.append((language, code, found[i + 1][1] if follows else None))
    return out


def assert_printed(expected, printed):
    pieces = re.split(rf"({NUMBER.pattern})|(\.\.\.)", expected.strip())  # text, number or None, dots or None, text ...
    pattern = "".join(
        re.escape(piece) if i % 3 == 0 else "" if piece is None else f"({NUMBER.pattern})" if i % 3 == 1 else ".*?"
        for i, piece in enumerate(pieces))
    match = re.fullmatch(pattern, printed.strip(), re.S)
    assert match, f"expected\n{expected}\nprinted\n{printed}"
    for want, got in zip(filter(None, pieces[1::3]), match.groups(), strict=True):
        assert math.isclose(float(want), float(got), abs_tol=1e-3), f"expected\n{expected}\nprinted\n{printed}"


def test_what_an_example_prints_is_compared():
    assert_printed('{"a":[0.25,...}', '{"a":[0.2504,1]}')
    for expected, printed in (("0.25", "0.26"), ("2 384", "2 385"), ("a ... b", "a c"), ("1", "1 2"), ("x 1", "y 1")):
        with pytest.raises(AssertionError):
            assert_printed(expected, printed)


@pytest.fixture(scope="module")
def served(lode, default_model):
    """The port of a server as `make serve` starts it: 8080 where that is free."""
    with socket.socket() as s:
        free = s.connect_ex(("127.0.0.1", 8080)) != 0
    with running_server(lode, port=8080 if free else None) as url:
        yield url.rsplit(":", 1)[1]


def test_there_is_an_example_of_each_kind():
    text = "".join(code for _, code, _ in examples())
    for kind in ("curl ", "from openai import OpenAI", "lode embed", "lode score"):
        assert kind in text
    assert README.index("make serve") < README.index("make test") < README.index("```")


@pytest.mark.parametrize("language,code,expected", examples())
def test_example(lode, served, tmp_path, language, code, expected):
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/lode").symlink_to(lode)
    code = code.replace(":8080", f":{served}")
    command = ["bash", "-eu", "-c", code] if language == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    if expected is not None:
        assert_printed(expected, done.stdout)


@pytest.mark.alone
def test_make_serve_a_second_time_needs_no_network_and_no_time(root, default_model):
    """What is installed and built stays; the server says what to paste next, and SIGTERM ends it."""
    if os.environ.get("LODE_BIN") or not (root / "build/release/lode").is_file():
        pytest.skip("the binary under test is not the tree's own")
    dead = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    started = time.monotonic()
    make = subprocess.Popen(["make", "serve", f"PORT={port}"], cwd=root, env={**env, **dead, "no_proxy": "127.0.0.1"}, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_ready(f"http://127.0.0.1:{port}", make)
        took = time.monotonic() - started
        os.killpg(make.pid, signal.SIGTERM)
        said, _ = make.communicate(timeout=60)
    finally:
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGKILL)
    assert took < 20, said
    assert "curl" in said and f"127.0.0.1:{port}/v1/embeddings" in said
