"""BM25 beside bm25s, on the same texts, in alternating rounds: from texts to index, and from queries to the k best.

    pip install -r bench/requirements.txt
    python3 bench/bm25_beside_bm25s.py build/bench/bench/bm25 ../shared/data [--rounds 5]

bm25s runs as its authors recommend for speed: numba backend (compiled before the first round), PyStemmer's English stemmer,
English stop words, its own tokenizer; `--threads` of its threads for queries, where ours has one. The sets: SciFact with its
queries, CosQA's with its, and the functions of mined_doc_code with 2,000 of their comments as queries. Ours starts from
text as well: words, stems and everything."""
import argparse
import contextlib
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import bm25s
import Stemmer

STEPS = "index", "query"


def rows(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def data_sets(data):
    for name in "scifact", "cosqa_retrieval":
        corpus = rows(data / name / "corpus.jsonl.gz")
        yield name, [(row.get("title", "") + " " + row["text"]).strip() for row in corpus], [row["query"] for row in rows(data / name / "test.jsonl.gz")]
    pairs = rows(data / "mined_doc_code/train.jsonl.gz")
    yield "mined_doc_code", [row["code"] for row in pairs], [row["query"] for row in pairs[::len(pairs) // 2000]]


def theirs(documents, queries, k, threads):
    stemmer = Stemmer.Stemmer("english")
    quiet = {"show_progress": False}
    times = {}
    begun = time.perf_counter(), time.process_time()
    tokens = bm25s.tokenize(documents, stopwords="en", stemmer=stemmer, **quiet)
    index = bm25s.BM25(k1=0.9, b=0.4, backend="numba", csc_backend="scipy")
    index.index(tokens, **quiet)
    done = time.perf_counter(), time.process_time()
    times["index"], times["index_cpu"] = (b - a for a, b in zip(begun, done))
    tokens = bm25s.tokenize(queries, stopwords="en", stemmer=stemmer, **quiet)
    index.retrieve(tokens, k=min(k, len(documents)), n_threads=threads, **quiet)
    end = time.perf_counter(), time.process_time()
    times["query"], times["query_cpu"] = (b - a for a, b in zip(done, end))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("data", type=Path)
    parser.add_argument("-k", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"bm25s {bm25s.__version__}, numba, {options.threads} threads for queries; lode 1 thread; best {options.k}")
    for name, documents, queries in data_sets(options.data):
        with tempfile.TemporaryDirectory() as folder:
            names = [Path(folder) / "documents.jsonl", Path(folder) / "queries.jsonl"]
            for path, texts in zip(names, (documents, queries)):
                path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
            ours = subprocess.Popen([options.program, *names, str(options.k)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            with contextlib.redirect_stderr(None):
                theirs(documents[:2000], queries[:100], options.k, options.threads)
            pairs = []
            for _ in range(options.rounds):
                ours.stdin.write("\n")
                ours.stdin.flush()
                pairs.append((json.loads(ours.stdout.readline()), theirs(documents, queries, options.k, options.threads)))
            ours.stdin.close()
            ours.wait()
        megabytes = sum(len(text.encode()) for text in documents) / 1e6
        print(f"{name}: {len(documents)} documents, {megabytes:.1f} MB, {len(queries)} queries")
        for step in STEPS:
            mine, other, mine_cpu, other_cpu = (
                [pair[side][step + suffix] for pair in pairs] for suffix in ("", "_cpu") for side in (0, 1))
            amount, unit = (megabytes, "MB/s") if step == "index" else (len(queries), "queries/s")
            print("  {}: lode {:.4g} {unit}, bm25s {:.4g} {unit}: {:.2f} times (least times of each: {:.2f}; CPU: {:.2f})".format(
                step, amount / statistics.median(mine), amount / statistics.median(other), statistics.median(other) / statistics.median(mine),
                min(other) / min(mine), statistics.median(other_cpu) / statistics.median(mine_cpu), unit=unit), flush=True)


if __name__ == "__main__":
    main()
