"""Checkpoints for the tests of rounded weights."""
import json
import shutil
import struct

import numpy as np


def rounds(name, shape):
    """What `--dtype int4` rounds: the layers' matrices and those of the latent block's feed-forward."""
    return len(shape) == 2 and ("layers." in name or "encoder.layer." in name or "cross_attend_blocks.1.fn" in name)


def tensors(folder):
    """The f32 tensors of a checkpoint of one file, by name."""
    data = memoryview((folder / "model.safetensors").read_bytes())
    (n,) = struct.unpack("<Q", data[:8])
    return {name: np.frombuffer(data[8 + n:][slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            for name, entry in json.loads(bytes(data[8:8 + n])).items() if name != "__metadata__" and entry["dtype"] == "F32"}


def plainly_rounded(folder, out):
    """A copy of an f32 checkpoint of one file whose matrices were rounded to 4 bits: 32 neighbours share the largest of them as
    their scale, from -7 to 7 of its sevenths."""
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("*.safetensors"))
    data = bytearray((folder / "model.safetensors").read_bytes())
    (n,) = struct.unpack("<Q", data[:8])
    for name, entry in json.loads(data[8:8 + n]).items():
        if name == "__metadata__" or not rounds(name, entry["shape"]):
            continue
        assert entry["dtype"] == "F32"
        begin, end = (8 + n + offset for offset in entry["data_offsets"])
        groups = np.frombuffer(data[begin:end], np.float32).reshape(-1, 32)
        step = np.abs(groups).max(1, keepdims=True) / 7
        whole = np.rint(np.divide(groups, step, out=np.zeros_like(groups), where=step > 0))
        data[begin:end] = (whole * step).astype(np.float32).tobytes()
    (out / "model.safetensors").write_bytes(data)
    return out
