#!/usr/bin/env python3
"""Golden vectors at full size: writes a 7.85 B-parameter f16 checkpoint (15.7 GB), compares `lode embed` with its golden rows
component by component, reports the worst one and the peak resident memory, and deletes the checkpoint, whatever happened.

    golden_full.py LODE [nv-embed] [nv-embedcode] [--dir build/golden-full] [--max-abs 1e-5]

Needs numpy and the shared data (LODE_SHARED, ../shared). Exits 1 if a component is off by more or memory goes over 17 GB.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("LODE_SHARED", ROOT.parent / "shared"))
CHECKPOINT_BYTES = 15_710_000_000
MAX_RSS_BYTES = 17_000_000_000


def run(lode, model, folder, max_abs):
    free = shutil.disk_usage(folder.parent).free
    if free < CHECKPOINT_BYTES + (1 << 30):
        sys.exit(f"golden_full: {folder.parent} has {free / 1e9:.1f} GB free, needs 17; name another folder with --dir")
    try:
        started = time.monotonic()
        subprocess.run([sys.executable, SHARED / "golden/make_checkpoint.py", model, "full", "f16", folder], check=True)
        print(f"{model}: checkpoint written in {time.monotonic() - started:.0f} s", flush=True)
        started = time.monotonic()
        checker = subprocess.Popen([sys.executable, SHARED / "accept/vectors.py", lode, folder,
                                    SHARED / f"golden/vectors/{model}-full.jsonl", "--dtype", "f32", "--max-abs", str(max_abs)])
        _, status, usage = os.wait4(checker.pid, 0)  # its largest child counts, and no run before it
        rss = usage.ru_maxrss * 1024
        print(f"{model}: peak resident memory {rss / 1e9:.2f} GB, {time.monotonic() - started:.0f} s", flush=True)
        return status == 0 and rss <= MAX_RSS_BYTES
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lode")
    parser.add_argument("models", nargs="*", choices=[[], "nv-embed", "nv-embedcode"], metavar="model")
    parser.add_argument("--dir", type=Path, default=ROOT / "build/golden-full")
    parser.add_argument("--max-abs", type=float, default=1e-5)
    args = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"golden_full: no shared data at {SHARED} (set LODE_SHARED)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` runs
    args.dir.mkdir(parents=True, exist_ok=True)
    models = args.models or ["nv-embed", "nv-embedcode"]
    good = [run(os.path.abspath(args.lode), model, args.dir / model, args.max_abs) for model in models]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
