"""A real model's real score: the STS benchmark's test pairs through `lode embed` with the default model."""
import gzip
import json

import numpy as np


def ranks(values):
    """1-based ranks; ties share the mean of theirs."""
    values = np.asarray(values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    place = np.empty(len(values))
    place[order] = np.arange(1, len(values) + 1)
    _, group = np.unique(values, return_inverse=True)
    return (np.bincount(group, place) / np.bincount(group))[group]


def spearman(a, b):
    return np.corrcoef(ranks(a), ranks(b))[0, 1]


def test_ranks_share_ties():
    assert ranks([10, 30, 10, 20]).tolist() == [1.5, 4, 1.5, 3]
    assert spearman([1, 2, 3, 4], [2, 2, 1, 0]) < -0.9


def test_sts_benchmark_spearman_is_the_published_one(run, shared, default_model, tmp_path):
    with gzip.open(shared / "data/sts/stsb_test.jsonl.gz", "rt") as f:
        pairs = [json.loads(line) for line in f]
    assert len(pairs) == 1379
    texts, out = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    texts.write_text("".join(json.dumps({"text": pair[side]}) + "\n" for side in ("s1", "s2") for pair in pairs))
    run("embed", texts, "-o", out, "--quiet")
    vectors = np.load(out).astype(np.float64)
    assert vectors.shape == (2 * len(pairs), 384)
    a, b = vectors[:len(pairs)], vectors[len(pairs):]
    cosine = (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))
    score = spearman(cosine, [pair["score"] for pair in pairs])
    print(f"STS-B test Spearman {score:.6f}")
    assert round(score, 4) == 0.8203
