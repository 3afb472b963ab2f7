"""The same data and model through mteb and through `lode eval`: compare.py LODE SHARED_DATA BUILD [TASK...] [full]. Prints a table;
exit 1 where they disagree. BUILD holds venv (mteb 2), mteb1 (mteb 1.12 beside it), and what is made here."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import data as made

HERE = Path(__file__).resolve().parent
DIGITS, LEARNT = 5e-5, 3e-3  # four digits; classifiers and clusters, whose optimisers differ in their last steps
RETRIEVAL = ["ndcg_at_10", "ndcg_at_100", "map_at_100", "recall_at_100", "precision_at_10", "mrr_at_10"]
PAIRS = ["cosine_ap", "cosine_accuracy", "cosine_f1", "euclidean_ap", "manhattan_ap", "dot_ap", "max_ap", "max_f1", "max_accuracy"]
STS = [f"{way}_{measure}" for way in ("cosine", "euclidean", "manhattan") for measure in ("spearman", "pearson")]
# task: what its data are here, its scores by either version, how near they must be
TASKS = {
    "SciFact": ("SciFact", RETRIEVAL, RETRIEVAL, DIGITS),
    "CosQA": ("CosQA", [], RETRIEVAL, DIGITS),  # version 1 has no CoIR
    "AskUbuntuDupQuestions": ("TrecQA", ["map", "mrr"], ["map_at_1000", "map_at_10", "ndcg_at_10", "mrr_at_10"], DIGITS),
    "STSBenchmark": ("STSBenchmark", STS, STS, DIGITS),
    "SprintDuplicateQuestions": ("SICK-E", PAIRS, PAIRS, DIGITS),
    "SummEval": ("sentences of STSBenchmark", ["cosine_spearman", "cosine_pearson"], ["cosine_spearman", "cosine_pearson"], DIGITS),
    "Banking77Classification": ("Banking77", ["accuracy", "f1"], ["accuracy", "f1"], LEARNT),
    "StackExchangeClustering": ("StackOverflow titles", ["v_measure"], ["v_measure"], LEARNT),
}


def serve(lode):
    server = subprocess.Popen([lode, "serve", "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in server.stderr:
        found = re.search(r" on (http://\S+)", line)
        if found:
            return server, found.group(1)
    sys.exit("lode serve ended")


def by_mteb(build, version, url, data, tasks):
    env = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    if version == 1:
        env["PYTHONPATH"] = str(build / "mteb1")
    command = [build / "venv/bin/python", HERE / "harness.py", url, data, build / "vectors.npz", *tasks]
    done = subprocess.run(list(map(str, command)), env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"mteb {version} failed: {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def by_lode(lode, version, data, tasks):
    done = subprocess.run([lode, "eval", *tasks, "--data", data, "--rules", f"v{version}", "--json", "--quiet"], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"lode eval failed: {done.returncode}")
    return {report["task"]: report["scores"] for report in map(json.loads, done.stdout.splitlines())}


def main(lode, shared, build, *words):
    build = Path(build)
    full = "full" in words
    chosen = [name for name in TASKS if name in words] or list(TASKS)
    data = build / ("data-full" if full else "data")
    made.main(Path(shared), data, full)
    server, url = serve(lode)
    n_wrong = 0
    try:
        # Encoded once by version 2; version 1 takes the same vectors from the cache.
        theirs = {version: by_mteb(build, version, url, data, [n for n in chosen if TASKS[n][version]]) for version in (2, 1)}
    finally:
        server.terminate()
        server.wait()
    print(f"{'rules':<6} {'task':<26} {'data':<26} {'score':<18} {'mteb':>9} {'lode':>9} {'difference':>11}")
    for version in (1, 2):
        ours = by_lode(lode, version, data, [n for n in chosen if TASKS[n][version]])
        for name, scores in ours.items():
            what, tolerance = TASKS[name][0], TASKS[name][3]
            for score in TASKS[name][version]:
                a, b = theirs[version][name][score], scores[score]
                wrong = not abs(a - b) <= tolerance
                n_wrong += wrong
                print(f"v{version:<5} {name:<26} {what:<26} {score:<18} {a:9.5f} {b:9.5f} {b - a:11.1e}{'  WRONG' if wrong else ''}")
    print(f"{n_wrong} disagree" if n_wrong else "all agree")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
