#!/usr/bin/env python3
"""A model to time engines with, of 7B or of 135M: the layout of shared/golden/make_checkpoint.py, its weights from a table of random numbers
instead of a function of each one's place, so that 14 GB take as long as writing them. Vectors mean nothing; times do not depend on values.

    bench/make_model.py nv-embed|nv-embedcode SIZE bf16|f16 OUT_DIR      (SIZE: full, wide2, 135m, small, tiny; needs numpy)
"""
import importlib.util
import math
import os
import sys
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("LODE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
spec = importlib.util.spec_from_file_location("make_checkpoint", SHARED / "golden/make_checkpoint.py")
maker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(maker)
CHUNK = 1 << 22  # the most values that the maker asks for at a time
table = np.random.default_rng(1).uniform(-1, 1, 2 * CHUNK).astype(np.float32)
encoded = {}


def values(name, shape, start=0, count=None):
    """What to_bytes() gets: where in the table, how many, how large. A vector's values are near one."""
    count = int(np.prod(shape)) - start if count is None else count
    kind = "bias" if name.endswith("bias") else "norm" if len(shape) == 1 else "matrix"
    return maker.fnv1a(name + str(start)) % CHUNK, count, kind, maker.std_of(name, shape)


def to_bytes(what, dtype):
    first, count, kind, std = what
    key = (kind, std, dtype)
    if key not in encoded:
        factor, offset = {"bias": (0.1, 0.0), "norm": (0.1, 1.0), "matrix": (math.sqrt(3) * std, 0.0)}[kind]
        encoded[key] = np.frombuffer(plain_bytes(table * np.float32(factor) + np.float32(offset), dtype), np.uint8)
    width = len(encoded[key]) // len(table)
    return encoded[key][first * width:(first + count) * width].tobytes()


plain_bytes = maker.to_bytes
maker.values, maker.to_bytes = values, to_bytes
maker.SIZES["135m"] = (576, 30, 9, 3, 1536, 64, 8, 576)  # nv-embedcode in the shape of the smallest Llama models that people use
if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help"):
        sys.exit(print(__doc__))
    maker.main()
