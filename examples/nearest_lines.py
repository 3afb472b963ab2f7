#!/usr/bin/env python3
"""The lines of a text file that are nearest in meaning to a question; needs `make serve` and nothing but Python.

    python3 examples/nearest_lines.py CHANGELOG.md "which instruction sets are there?"
"""
import argparse
import json
import urllib.request


def embed(url, texts, input_type):
    body = {"input": texts, "input_type": input_type, "truncate": "END"}
    request = urllib.request.Request(url + "/v1/embeddings", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return [row["embedding"] for row in json.load(response)["data"]]


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("file")
parser.add_argument("question")
parser.add_argument("-k", type=int, default=3, help="how many lines")
parser.add_argument("--url", default="http://127.0.0.1:8080")
args = parser.parse_args()

with open(args.file, encoding="utf-8") as f:
    lines = [line.strip() for line in f if line.strip()]
question = embed(args.url, [args.question], "query")[0]
passages = embed(args.url, lines, "passage")
scores = [sum(a * b for a, b in zip(question, passage)) for passage in passages]  # vectors have length 1
for score, line in sorted(zip(scores, lines), reverse=True)[:args.k]:
    print(f"{100 * score:5.1f}  {line}")
