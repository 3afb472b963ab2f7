#!/usr/bin/env python3
"""The very same GGUF file in Lodestone and in llama.cpp: cosines between the two engines' vectors. Not part of CI.

    llama_cpp.py LLAMA_SERVER LODE MODEL [--to f16 q8_0 ...] [--texts FILE.jsonl]

LLAMA_SERVER is a built llama-server, LODE a lode binary, MODEL a folder in Hugging Face layout (NV-EmbedCode, a BERT model).
Each type is converted by `lode convert` into a temporary folder and served by llama-server without instructions, on one port of
127.0.0.1. Texts: the field "text" of each line (default: a few in English, code and other scripts). Exit 1 when a minimum lies
under its bar: 0.9999 for f32, f16 and bf16, 0.999 for the others (which llama.cpp multiplies with activations rounded to 8 bits).
"""
import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

TEXTS = ["A plane is taking off.", "def add(a, b):\n    return a + b", "naïve café №5, 東京!", "x", "word " * 60,
         "Where is the session token checked?", "SELECT name FROM users WHERE id = ?;", "Привет, мир"]
BARS = {"f32": 0.9999, "f16": 0.9999, "bf16": 0.9999, "q8_0": 0.999, "q4_0": 0.99}


def lode_vectors(lode, model, texts, folder):
    source, out = folder / "texts.jsonl", folder / "vectors.npy"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    subprocess.run([lode, "embed", source, "--model", model, "-o", out, "--quiet"], check=True)
    return np.load(out)


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as response:
        return json.load(response)


def llama_vectors(server, model, texts, folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen([server, "-m", model, "--embeddings", "--port", str(port), "-c", "4096", "-b", "4096", "-ub",
                                    "4096", "-np", "1"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, "LD_LIBRARY_PATH": str(Path(server).resolve().parent)})
    try:
        for _ in range(600):
            if process.poll() is not None:
                sys.exit(f"llama-server ended with {process.returncode}:\n" + (folder / "server.log").read_text()[-2000:])
            try:
                urllib.request.urlopen(url + "/health", timeout=5)
                break
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
        rows = [post(url + "/v1/embeddings", {"input": t, "model": "m"})["data"][0]["embedding"] for t in texts]
        ids = [post(url + "/tokenize", {"content": t, "add_special": True})["tokens"] for t in texts]
        return np.array(rows, np.float32), ids
    finally:
        process.terminate()
        process.wait()


def lode_ids(lode, model, texts):
    lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    done = subprocess.run([lode, "tokenize", "--model", model, "--text-field", "text"], input=lines, text=True,
                          capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("lode")
    parser.add_argument("model")
    parser.add_argument("--to", nargs="+", default=["f16", "q8_0"], choices=list(BARS))
    parser.add_argument("--texts", type=Path)
    args = parser.parse_args()
    texts = [json.loads(line)["text"] for line in args.texts.read_text().splitlines()] if args.texts else TEXTS
    failed = False
    for to in args.to:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = folder / f"model-{to}.gguf"
            subprocess.run([args.lode, "convert", args.model, "--to", to, "-o", file, "--quiet"], check=True)
            ours = lode_vectors(args.lode, file, texts, folder)
            theirs, their_ids = llama_vectors(args.server, file, texts, folder)
            same_ids = sum(a == b for a, b in zip(lode_ids(args.lode, file, texts), their_ids))
        cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
        ok = cosines.min() >= BARS[to]
        failed |= not ok
        print(f"{Path(args.model).name} {to}: cosine min {cosines.min():.6f} median {np.median(cosines):.6f} over {len(texts)} texts, "
              f"ids alike in {same_ids}; bar {BARS[to]}: {'ok' if ok else 'FAILED'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
