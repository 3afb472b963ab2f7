"""Exact search beside numpy with OpenBLAS, on the same vectors, in alternating rounds.

    python3 bench/search_beside_numpy.py build/bench/bench/search [--queries 6000 --documents 100000 --dims 1024 -k 1000]

numpy's side: for each block of queries `q @ d.T` in float32, then argpartition and a sort of the k best. Every block size
of --blocks is tried once, and the fastest is timed. OPENBLAS_CORETYPE is left unset for it, so that OpenBLAS takes the
kernels of this CPU. Both sides get the same number of threads. Wall time is what counts; CPU time says more where the
machine is shared. Ours must find the same documents."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def numpy_search(np, queries, documents, k, block):
    ids = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for begin in range(0, len(queries), block):
        product = queries[begin:begin + block] @ documents.T
        best = np.argpartition(product, -k, axis=1)[:, -k:]
        values = np.take_along_axis(product, best, axis=1)
        order = np.argsort(-values, axis=1)
        ids[begin:begin + block] = np.take_along_axis(best, order, axis=1)
        scores[begin:begin + block] = np.take_along_axis(values, order, axis=1)
    return ids, scores


def timed(function):
    begun, cpu = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - begun, time.process_time() - cpu, result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--queries", type=int, default=6000)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=1024)
    parser.add_argument("-k", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--blocks", type=int, nargs="+", default=[64, 256, 1024])
    options = parser.parse_args()

    if "OPENBLAS_CORETYPE" in os.environ or os.environ.get("OPENBLAS_NUM_THREADS") != str(options.threads):
        os.environ.pop("OPENBLAS_CORETYPE", None)
        os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    import numpy as np

    random = np.random.default_rng(1)
    sides = [random.standard_normal((n, options.dims), np.float32) for n in (options.queries, options.documents)]
    queries, documents = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    del sides
    with tempfile.TemporaryDirectory() as folder:
        names = [str(Path(folder) / name) for name in ("queries.f32", "documents.f32")]
        queries.tofile(names[0])
        documents.tofile(names[1])
        ours = subprocess.Popen([options.program, *names, *map(str, (options.dims, options.k, options.threads))],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def our_round():
            ours.stdin.write("\n")
            ours.stdin.flush()
            return json.loads(ours.stdout.readline())

        few = queries[:max(options.blocks)]
        seconds = {block: min(timed(lambda: numpy_search(np, few, documents, options.k, block))[0] for _ in range(2)) for block in options.blocks}
        block = min(seconds, key=seconds.get)
        print(f"numpy {np.__version__}, blocks of {block} queries (of {', '.join(map(str, seconds))}), {options.threads} threads")
        rounds = []
        for number in range(options.rounds):
            mine = our_round()
            wall, cpu, (ids, scores) = timed(lambda: numpy_search(np, queries, documents, options.k, block))
            for i, q in enumerate((0, -1)):
                first = mine["first"][20 * i:20 * i + 20]
                # Where two sums differ in the last bits, neighbours may change places.
                exact = documents[first].astype(float) @ queries[q].astype(float)
                assert abs(exact - scores[q, :20]).max() < 1e-5, "not the same documents"
            product = timed(lambda: [queries[b:b + block] @ documents.T for b in range(0, len(queries), block)])
            rounds.append((mine["seconds"], mine["cpu"], wall, cpu, product[0], product[1]))
            print("round {}: lode {:.2f} s (CPU {:.2f}), numpy {:.2f} s (CPU {:.2f}), of it the product {:.2f} s (CPU {:.2f}); "
                  "ratio {:.3f} (CPU {:.3f})".format(number + 1, *rounds[-1], mine["seconds"] / wall, mine["cpu"] / cpu), flush=True)
        ours.stdin.close()
        ours.wait()
    columns = list(zip(*rounds))
    for name, of in ("median", statistics.median), ("least", min):
        print("{}: wall {:.3f}, CPU {:.3f} of numpy's; of its product alone {:.3f}, CPU {:.3f}".format(
            name, of(columns[0]) / of(columns[2]), of(columns[1]) / of(columns[3]), of(columns[0]) / of(columns[4]), of(columns[1]) / of(columns[5])))


if __name__ == "__main__":
    main()
