#!/usr/bin/env python3
"""Writes files/rounded-v1-*.gguf, rounded model files of version 1 that must stay readable, and the vectors that they gave:

    make_rounded_files.py LODE

Not to be run again: what lies in files/ is the point. A new version of the format gets files of its own."""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

FILES = Path(__file__).parent / "files"
TEXTS = ["the cat sat", "a dog ran", "the dog sat on the mat", ""]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"the a cat dog sat ran on mat".split()]
D, D_FF, N_POSITIONS = 16, 40, 16  # rows of 40 end in half a group


def tensors():
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
            **norm(layer + "attention.output.LayerNorm"), **linear(layer + "intermediate.dense", D_FF, D),
            **linear(layer + "output.dense", D, D_FF), **norm(layer + "output.LayerNorm")}


def write_folder(folder):
    header, data = {}, b""
    for name, value in tensors().items():
        header[name] = {"dtype": "F32", "shape": value.shape, "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": D, "intermediate_size": D_FF, "num_hidden_layers": 1,
        "num_attention_heads": 2, "layer_norm_eps": 1e-12, "max_position_embeddings": N_POSITIONS, "type_vocab_size": 2,
        "vocab_size": len(WORDS)}))
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")


def main():
    lode = sys.argv[1]
    FILES.mkdir(exist_ok=True)
    expected = {"texts": TEXTS}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "tiny"
        folder.mkdir()
        write_folder(folder)
        source = folder / "texts.jsonl"
        source.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
        for dtype in "int8", "int4":
            out = FILES / f"rounded-v1-{dtype}.gguf"
            subprocess.run([lode, "convert", folder, "--to", dtype, "-o", out, "--force", "--quiet"], check=True)
            subprocess.run([lode, "embed", source, "--model", folder, "--dtype", dtype, "-o", folder / "v.npy", "--quiet"], check=True)
            expected[dtype] = [[round(float(x), 7) for x in row] for row in np.load(folder / "v.npy")]
    (FILES / "rounded-v1.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
