#!/usr/bin/env python3
"""How fast `lode index` is: cold, again with nothing changed, and with one file changed.

    bench/index_speed.py LODE FOLDER|CORPUS_NAME [N_FILES]

Of FOLDER the Python files are taken (Django 4.2.16's source archive has 2,762). CORPUS_NAME is a packed repository of swebench_lite
(`django__django`); the tree is its newest versions of files, and where those are fewer than N_FILES (default 2,700), older versions of
them in folders beside it. Prints one line a run: what, the median of
five, all five."""
import json
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DATA = Path(os.environ.get("LODE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data/swebench_lite/corpus"


def write_tree(name, n_files, folder):
    """-> bytes written"""
    blobs, versions = {}, {}
    for line in lzma.open(DATA / f"{name}.index.tsv.xz", "rt"):
        kind, *rest = line.rstrip("\n").split("\t")
        if kind == "B":
            blobs[rest[0]] = (int(rest[1]), int(rest[2]))
        elif kind == "+" and rest[1] not in versions.setdefault(rest[0], []):
            versions[rest[0]].append(rest[1])
    data = lzma.open(DATA / f"{name}.blobs.xz").read()
    n_written = n_bytes = age = 0
    while n_written < n_files:
        some = False
        for path, numbers in sorted(versions.items()):
            if age >= len(numbers) or n_written == n_files:
                continue
            some = True
            offset, length = blobs[numbers[-1 - age]]
            target = folder / (f"old{age}" if age else ".") / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data[offset:offset + length])
            n_written += 1
            n_bytes += length
        if not some:
            break
        age += 1
    return n_written, n_bytes


def copy_tree(source, folder):
    """-> files, bytes"""
    n_bytes = 0
    files = sorted(source.rglob("*.py"))
    for file in files:
        target = folder / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        n_bytes += target.write_bytes(file.read_bytes())
    return len(files), n_bytes


def main():
    lode, name = sys.argv[1:3]
    n_files = int(sys.argv[3]) if len(sys.argv) > 3 else 2700
    with tempfile.TemporaryDirectory() as work:
        tree, index = Path(work) / "tree", Path(work) / "index"
        tree.mkdir()
        n_written, n_bytes = copy_tree(Path(name), tree) if Path(name).is_dir() else write_tree(name, n_files, tree)
        print(f"{name}: {n_written} files, {n_bytes / 1e6:.1f} MB")

        def run(*options):
            start = time.monotonic()
            out = subprocess.run([lode, "index", tree, "--index", index, "--quiet", "--json", *options], check=True,
                                 stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
            return time.monotonic() - start, json.loads(out)

        def show(what, seconds):
            print(f"{what}: {statistics.median(seconds):.3f} s ({' '.join(f'{s:.3f}' for s in seconds)})", flush=True)

        show("cold", [run("--rebuild")[0] for _ in range(5)])
        print(json.dumps(run()[1]), f"{sum(f.stat().st_size for f in index.iterdir()) / 1e6:.1f} MB on disk")
        time.sleep(2.5)  # until the files are older than a file system's clock is coarse
        run()
        show("nothing changed", [run()[0] for _ in range(5)])
        files = sorted(tree.rglob("*.py"), key=lambda f: f.stat().st_size)
        some = files[len(files) // 2]
        seconds = []
        for i in range(5):
            some.write_text(some.read_text() + f"\nlast = {i}\n")
            seconds.append(run()[0])
        show("one file changed", seconds)


if __name__ == "__main__":
    main()
