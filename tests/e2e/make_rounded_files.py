#!/usr/bin/env python3
"""Writes files/NAME-*.gguf, rounded model files of some version that must stay readable, and the vectors that they gave:

    make_rounded_files.py LODE NAME D_FF

Not to be run again for a NAME that is there: what lies in files/ is the point. A new version of the format gets files of its own.
rounded-v1 has D_FF 40, rounded-v1-long and rounded-v2 have 600: rows of several groups."""
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

FILES = Path(__file__).parent / "files"
TEXTS = ["the cat sat", "a dog ran", "the dog sat on the mat", ""]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"the a cat dog sat ran on mat".split()]
D, N_POSITIONS = 16, 16


def tensors(d_ff):
    rng = np.random.default_rng(7)

    def matrix(rows, columns):
        return (rng.standard_t(3, (rows, columns)) / np.sqrt(3 * columns)).astype(np.float32)  # outliers, as trained ones

    def norm(name):
        return {f"{name}.weight": (1 + 0.1 * rng.standard_normal(D)).astype(np.float32),
                f"{name}.bias": (0.1 * rng.standard_normal(D)).astype(np.float32)}

    def linear(name, rows, columns):
        return {f"{name}.weight": matrix(rows, columns), f"{name}.bias": (0.1 * rng.standard_normal(rows)).astype(np.float32)}

    layer = "encoder.layer.0."
    return {"embeddings.word_embeddings.weight": matrix(len(WORDS), D), "embeddings.position_embeddings.weight": matrix(N_POSITIONS, D),
            "embeddings.token_type_embeddings.weight": matrix(2, D), **norm("embeddings.LayerNorm"),
            **linear(layer + "attention.self.query", D, D), **linear(layer + "attention.self.key", D, D),
            **linear(layer + "attention.self.value", D, D), **linear(layer + "attention.output.dense", D, D),
            **norm(layer + "attention.output.LayerNorm"), **linear(layer + "intermediate.dense", d_ff, D),
            **linear(layer + "output.dense", D, d_ff), **norm(layer + "output.LayerNorm")}


def write_folder(folder, d_ff):
    header, data = {}, b""
    for name, value in tensors(d_ff).items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": D, "intermediate_size": d_ff, "num_hidden_layers": 1,
        "num_attention_heads": 2, "layer_norm_eps": 1e-12, "max_position_embeddings": N_POSITIONS, "type_vocab_size": 2,
        "vocab_size": len(WORDS)}))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")


def main():
    lode, name, d_ff = sys.argv[1:]
    FILES.mkdir(exist_ok=True)
    expected = {"texts": TEXTS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "tiny"
        folder.mkdir()
        write_folder(folder, int(d_ff))
        source = folder / "texts.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
        for dtype in "int8", "int4":
            out = FILES / f"{name}-{dtype}.gguf"
            subprocess.run([lode, "convert", folder, "--to", dtype, "-o", out, "--force", "--quiet"], check=True)
            subprocess.run([lode, "embed", source, "--model", folder, "--dtype", dtype, "-o", folder / "v.npy", "--quiet"], check=True,
                           env={**os.environ, "LODE_ISA": "portable"})
            expected[dtype] = [[round(float(x), 7) for x in row] for row in np.load(folder / "v.npy")]
    (FILES / f"{name}.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
