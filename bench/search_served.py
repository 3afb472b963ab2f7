#!/usr/bin/env python3
"""How fast searches are over a large index: served, from a cold command, and beside ripgrep and SQLite's FTS5.

    bench/search_served.py LODE [--corpus NAME,NAME...] [--files N] [--tree DIR] [--model M] [--queries N] [--zoekt DIR] [--json]

The tree is DIR, or the newest versions of the files of packed repositories of swebench_lite (default: sympy, django and
astropy, at most N files each, 1,300 by default: about 100,000 chunks). Questions are comments drawn from the tree,
names are what it defines, both with a fixed seed and each asked once.

Without --model the vectors are a stand-in's: one layer of the default model's width and vocabulary over a text's first 16 tokens,
with weights by chance, which is quickly done with 100,000 chunks. Index, scan and ranking do the same work with it; its query takes less time than the default
model's, which is therefore measured in the end (`embed a query`). With --model it also says how many of the true ten nearest files `dense` finds. Prints build times, then a line a kind of search: milliseconds p50 and
p99. Needs numpy; `rg` is left out where it is not installed; DIR has zoekt-index and zoekt-webserver
(github.com/sourcegraph/zoekt, `go install ./cmd/...`), which answer over HTTP as we do."""
import argparse
import atexit
import http.client
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from index_speed import write_tree

CORPUS = "sympy__sympy,django__django,astropy__astropy"
MODEL = Path(os.environ.get("LODE_HOME") or Path.home() / ".cache/lode") / "models/all-minilm-l6-v2"
TEXTS = {".py", ".md", ".rst", ".txt", ".c", ".h", ".cc", ".cpp", ".js", ".ts", ".go", ".rs", ".java", ".rb", ".php", ".toml", ".json"}


def write_stand_in(folder):
    """The default model with one thin layer of chance, which reads the first words only."""
    shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("model.safetensors", "sentence_bert_config.json"))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 16, "do_lower_case": False}))
    config = json.loads((MODEL / "config.json").read_text())
    width, thin = config["hidden_size"], 32
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 1, "intermediate_size": thin}))
    rng = np.random.default_rng(1)
    layer = "encoder.layer.0"
    shapes = {"embeddings.word_embeddings.weight": (config["vocab_size"], width),
              "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
              "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
              f"{layer}.intermediate.dense.weight": (thin, width), f"{layer}.intermediate.dense.bias": (thin,),
              f"{layer}.output.dense.weight": (width, thin), f"{layer}.output.dense.bias": (width,)}
    for name in ["self.query", "self.key", "self.value", "output.dense"]:
        shapes |= {f"{layer}.attention.{name}.weight": (width, width), f"{layer}.attention.{name}.bias": (width,)}
    for name in ["embeddings", f"{layer}.attention.output", f"{layer}.output"]:
        shapes |= {f"{name}.LayerNorm.weight": (width,), f"{name}.LayerNorm.bias": (width,)}
    head, data = {}, b""
    for name, shape in shapes.items():
        is_norm = name.endswith("LayerNorm.weight")
        values = np.ones(shape, np.float32) if is_norm else rng.normal(0, 0.05, shape).astype(np.float32)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def texts_of(tree):
    for path in sorted(tree.rglob("*")):
        if path.suffix in TEXTS and path.is_file() and path.stat().st_size < 1 << 20:
            yield path, path.read_text(errors="replace")


def draw_queries(tree, n):
    questions, names = set(), set()
    for _, text in texts_of(tree):
        for line in text.splitlines():
            comment = re.match(r"\s*(?:#|//|\"\"\")\s*([A-Z][\w ,'-]{30,90})[.\"]*$", line)
            if comment and len(comment[1].split()) >= 5:
                questions.add(comment[1].strip())
            name = re.match(r"\s*(?:def|class|func|fn|function|struct)\s+([A-Za-z]\w{5,})", line)
            if name and not name[1].startswith("test"):
                names.add(name[1])
    rng = random.Random(1)
    return [rng.sample(sorted(one), min(n, len(one))) for one in (questions, names)]


class Report:
    def __init__(self, as_json):
        self.as_json = as_json

    def row(self, what, **values):
        if self.as_json:
            print(json.dumps({"what": what, **values}), flush=True)
        else:
            print(f"{what:44}", "  ".join(f"{key} {value}" for key, value in values.items()), flush=True)

    def times(self, what, calls):
        """Each call once; the first three are not counted."""
        ms = []
        for call in calls:
            start = time.perf_counter()
            call()
            ms.append((time.perf_counter() - start) * 1e3)
        ms = ms[3:] or ms
        self.row(what, p50_ms=round(float(np.percentile(ms, 50)), 2), p99_ms=round(float(np.percentile(ms, 99)), 2), n=len(ms))


class Served:
    def __init__(self, lode, *args, env):
        self.process = subprocess.Popen([lode, "serve", "--port", "0", "--no-access-log", *map(str, args)], env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        atexit.register(self.stop)
        for line in self.process.stderr:
            if found := re.search(r" on http://([\d.]+):(\d+)", line):
                self.connection = http.client.HTTPConnection(found[1], int(found[2]))
            if line.startswith("  curl"):
                return
        raise SystemExit("lode serve did not start")

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    def wait_until_filled(self):
        while True:
            now = self.ask("GET", "/v1/index")["data"][0]
            if now["complete"] and not now["indexing"] and not now["embedding"]:
                return now
            time.sleep(0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def nearest_files(report, served, run, tree, work, questions):
    """Of the ten files whose chunks are nearest to a question, by looking at every vector that `lode export` writes, how many the
    server's ten hits are: as near as the tenth is right, since equal chunks share a vector."""
    run("export", tree, "--to", "npy", "-o", work / "vectors.npy")
    vectors = np.load(work / "vectors.npy", mmap_mode="r")
    paths = [json.loads(line)["path"] for line in (work / "vectors.jsonl").open()]
    n_right, n_wanted = 0, 0
    for question in questions:
        row = served.ask("POST", "/v1/embeddings", {"input": question, "input_type": "query", "truncate": "END"})["data"][0]["embedding"]
        best = {}
        for path, cosine in zip(paths, (vectors @ np.array(row, np.float32)).tolist()):
            best[path] = max(cosine, best.get(path, -2))
        tenth = sorted(best.values())[-10]
        hits = served.ask("POST", "/v1/search", {"query": question, "mode": "dense"})["hits"]
        n_right += sum(best[hit["path"]] >= tenth - 1e-5 for hit in hits)
        n_wanted += 10
    report.row("served: dense, of the true ten nearest files", recall=round(n_right / n_wanted, 4), n=len(questions))


def fts5(tree, path, report):
    start = time.perf_counter()
    db = sqlite3.connect(path)
    db.execute("create virtual table files using fts5(path unindexed, body)")
    db.executemany("insert into files values (?, ?)", ((str(p), text) for p, text in texts_of(tree)))
    db.commit()
    report.row("FTS5: index build", seconds=round(time.perf_counter() - start, 2), megabytes=round(path.stat().st_size / 1e6, 1))
    return db


def fts5_search(db, words, joined):
    query = joined.join(f'"{word}"' for word in re.findall(r"\w+", words))
    return db.execute("select path from files where files match ? order by bm25(files) limit 10", (query,)).fetchall()


class Zoekt:
    def __init__(self, programs, tree, index, report):
        start = time.perf_counter()
        subprocess.run([programs / "zoekt-index", "-disable_ctags", "-index", index, tree], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        report.row("zoekt: index build", seconds=round(time.perf_counter() - start, 2),
                   megabytes=round(sum(f.stat().st_size for f in index.iterdir()) / 1e6, 1))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.process = subprocess.Popen([programs / "zoekt-webserver", "-index", index, "-listen", f"127.0.0.1:{port}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.stop)
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(100):
            try:
                return self.connection.connect()
            except ConnectionRefusedError:
                time.sleep(0.1)
        raise SystemExit("zoekt-webserver did not start")

    def ask(self, query):
        self.connection.request("GET", "/search?" + urlencode({"q": query, "num": 10, "format": "json"}))
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)["result"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lode")
    parser.add_argument("--corpus", default=CORPUS)
    parser.add_argument("--files", type=int, default=1300)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--zoekt", type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    report = Report(args.json)
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        tree = args.tree
        if not tree:
            for name in args.corpus.split(","):
                (work / "tree" / name).mkdir(parents=True)
                write_tree(name, args.files, work / "tree" / name)
            tree = work / "tree"
        model = args.model or write_stand_in(work / "stand-in")
        (work / "home/models").mkdir(parents=True)
        (work / "home/models/all-minilm-l6-v2").symlink_to(model.resolve())  # what the commands take without --model
        env = {**os.environ, "LODE_HOME": str(work / "home")}
        run = lambda *command: subprocess.run([args.lode, *map(str, command)], env=env, stdout=subprocess.PIPE,
                                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL).stdout
        questions, names = draw_queries(tree, args.queries)

        start = time.perf_counter()
        built = json.loads(run("index", tree, "--no-vectors", "--json", "--quiet"))
        report.row("lode index: terms", seconds=round(time.perf_counter() - start, 2), files=built["files"], chunks=built["chunks"])
        start = time.perf_counter()
        made = json.loads(run("index", tree, "--json", "--quiet"))["vectors"]
        seconds = time.perf_counter() - start
        report.row("lode index: vectors" + ("" if args.model else " of a stand-in"), seconds=round(seconds, 2), a_second=round(made["encoded"] / seconds))
        size = sum(f.stat().st_size for f in (work / "home/indexes").rglob("*") if f.is_file())
        report.row("lode index: on disk", megabytes=round(size / 1e6, 1))
        db = fts5(tree, work / "fts5.db", report)

        start = time.perf_counter()
        served = Served(args.lode, "--index", tree, env=env)
        served.wait_until_filled()
        report.row("lode serve: start, nothing changed", seconds=round(time.perf_counter() - start, 2))
        search = lambda mode, query: served.ask("POST", "/v1/search", {"query": query, "mode": mode})
        assert search("hybrid", questions[0])["index"]["vectors"] == built["chunks"]
        for mode, asked in [("hybrid", questions), ("dense", questions), ("lexical", questions), ("hybrid", names), ("lexical", names),
                            ("symbol", names), ("exact", names)]:
            kind = "question" if asked is questions else "name"
            report.times(f"served: {mode}, a {kind}", [lambda q=q: search(mode, q) for q in asked])
        if args.model:  # a stand-in's chunks of a file are all but one point
            nearest_files(report, served, run, tree, work, questions[:50])
        n_cold = 40
        command = lambda mode, query, *more: run("search", query, "--dir", tree, "--mode", mode, *more)
        for mode in ["hybrid", "lexical"]:
            report.times(f"command, with the server: {mode}", [lambda q=q: command(mode, q) for q in questions[:n_cold]])
        served.stop()
        for mode in ["hybrid", "lexical"]:
            report.times(f"command, alone: {mode}", [lambda q=q: command(mode, q) for q in questions[:n_cold]])

        report.times("FTS5: a question (any word, bm25)", [lambda q=q: fts5_search(db, q, " OR ") for q in questions])
        report.times("FTS5: a name", [lambda q=q: fts5_search(db, q, " ") for q in names])
        grep = shutil.which("rg")
        if grep:
            report.times("ripgrep: a name", [lambda q=q: subprocess.run([grep, "-n", "-F", q, tree], stdout=subprocess.DEVNULL)
                                             for q in names[:n_cold]])
        else:
            report.row("ripgrep is not installed", n=0)
        if args.zoekt:
            (work / "zoekt").mkdir()
            zoekt = Zoekt(args.zoekt, tree, work / "zoekt", report)
            assert zoekt.ask(f'content:"{names[0]}" case:yes')["FileMatches"]
            report.times("zoekt, served: a name, its text", [lambda q=q: zoekt.ask(f'content:"{q}" case:yes') for q in names])
            report.times("zoekt, served: a question, any word",
                         [lambda q=q: zoekt.ask(" or ".join(re.findall(r"\w{3,}", q))) for q in questions])
            zoekt.stop()
        if not args.model and MODEL.is_dir():
            served = Served(args.lode, "--model", MODEL, env={**os.environ, "LODE_HOME": str(work / "home")})
            report.times("served: embed a query, the default model", [lambda q=q: served.ask(
                "POST", "/v1/embeddings", {"input": q, "input_type": "query"}) for q in questions])
            served.stop()


if __name__ == "__main__":
    sys.exit(main())
