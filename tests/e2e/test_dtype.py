"""`--dtype int8`: how far vectors may be from the published code's, and that f32 and int8 are never mistaken for each other."""
import gzip
import json

import numpy as np
import pytest


def golden(shared, name):
    with open(shared / f"golden/vectors/{name}.jsonl") as rows:
        return [json.loads(row) for row in rows]


def embed(run, tmp_path, model, rows, *args):
    texts, out = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    texts.write_text("".join(json.dumps({"text": row["text"], "instruction": row.get("instruction", "")}) + "\n" for row in rows))
    run("embed", texts, "--model", model, "-o", out, "--quiet", *args)
    return np.load(out).astype(np.float64)


def cosines(a, b):
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


# The empty text of the default model has two tokens and no average over them: 0.9989 to 0.9992, by instruction set.
@pytest.mark.parametrize("model,least", [("nv-embed-small", 0.9994), ("nv-embedcode-small", 0.9994), ("all-minilm-l6-v2", 0.9988)])
def test_int8_stays_close_to_the_published_vectors(run, shared, checkpoint, default_model, tmp_path, model, least):
    rows = [row for row in golden(shared, model) if row.get("max_length") in (None, 256, 4096)]
    assert len(rows) > 25
    folder = default_model if model.startswith("all-") else checkpoint(*model.rsplit("-", 1), "f32")
    vectors = embed(run, tmp_path, folder, rows, "--dtype", "int8")
    cosine = cosines(vectors, np.array([row["vector"] for row in rows]))
    assert cosine.min() >= least
    assert cosine.max() < 1 - 1e-6, "this is not int8"


def test_int8_costs_the_sts_benchmark_nothing(run, shared, default_model):
    score = {}
    for dtype in ("f32", "int8"):
        done = run("eval", "STSBenchmark", "--data", shared / "data", "--dtype", dtype, "--no-cache", "--json", "--quiet")
        score[dtype] = json.loads(done.stdout)["main_score"]
    assert round(score["f32"], 4) == 0.8203
    assert score["int8"] >= score["f32"] - 0.0005


def test_kept_vectors_of_one_dtype_are_not_those_of_the_other(run, default_model, tmp_path, monkeypatch):
    monkeypatch.delenv("LODE_NO_CACHE")
    (tmp_path / "STSBenchmark").mkdir()
    with gzip.open(tmp_path / "STSBenchmark/test.jsonl.gz", "wt") as out:
        for i in range(6):
            out.write(json.dumps({"sentence1": f"A man plays {i} guitars.", "sentence2": "A band.", "score": i}) + "\n")
    for dtype, expected in [("f32", "7 encoded"), ("int8", "7 encoded"), ("int8", "0 encoded"), ("f32", "0 encoded")]:
        done = run("eval", "STSBenchmark", "--data", tmp_path, "--cache", tmp_path / "cache", "--dtype", dtype)
        assert expected in done.stderr


def test_an_int8_vector_does_not_depend_on_its_neighbours_or_threads(run, shared, default_model, tmp_path):
    rows = golden(shared, "all-minilm-l6-v2")[:20]
    together = embed(run, tmp_path, default_model, rows, "--dtype", "int8", "--threads", "2")
    for i in (0, 7, 19):
        alone = embed(run, tmp_path, default_model, rows[i:i + 1], "--dtype", "int8", "--threads", "1")
        assert (alone[0] == together[i]).all()


def test_inspect_says_what_each_dtype_needs(run, default_model):
    memory = json.loads(run("inspect", default_model, "--json").stdout)["memory"]
    assert memory["int8"]["weights_bytes"] < 0.75 * memory["f32"]["weights_bytes"]
    table = run("inspect", default_model).stdout
    assert "computing in f32" in table and "computing in int8" in table
