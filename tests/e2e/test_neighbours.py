"""A vector never depends on its neighbours: the same bits alone, in any batch and order, with 1 and 2 threads."""
import json
import random

import numpy as np
import pytest


def texts(n, seed):
    """Lengths from nothing to a few hundred words, many short and some long."""
    rng = random.Random(seed)
    words = ["token", "session", "def", "f(x)", "naïve", "漢字", "0x7f", "\n", "the", "checked", "a", "🙂"]
    return [" ".join(rng.choices(words, k=int(rng.paretovariate(0.7)) % 400)) for _ in range(n)]


@pytest.fixture
def embed(run, tmp_path):
    """embed(model, texts, threads) -> the raw bytes of each row"""

    def call(model, rows, threads, **env):
        source, out = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
        source.write_text("".join(json.dumps({"text": t}) + "\n" for t in rows))
        run("embed", source, "--model", model, "-o", out, "--quiet", "--threads", threads, **env)
        vectors = np.load(out)
        assert vectors.dtype == np.float32 and len(vectors) == len(rows)
        return [row.tobytes() for row in vectors]

    return call


@pytest.mark.parametrize("which", ["all-minilm-l6-v2", "nv-embed", "sfr-embedding-2"])
def test_the_same_bits_in_any_company(embed, default_model, checkpoint, which):
    model = default_model if which == "all-minilm-l6-v2" else checkpoint(which, "tiny" if which == "nv-embed" else "small")
    rows = texts(60 if which == "all-minilm-l6-v2" else 24, seed=7)
    together = embed(model, rows, 2)
    assert len(set(together)) > len(rows) // 2
    assert embed(model, rows, 1) == together
    order = list(range(len(rows)))
    random.Random(8).shuffle(order)
    assert embed(model, [rows[i] for i in order], 2) == [together[i] for i in order]
    some = order[:len(rows) // 3]
    assert embed(model, [rows[i] for i in some], 1) == [together[i] for i in some]
    for i in order[:4]:
        assert embed(model, [rows[i]], 2) == [together[i]]
