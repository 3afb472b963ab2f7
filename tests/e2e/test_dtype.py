"""`--dtype bf16`, `int8` and `int4`: how far vectors may be from the published code's, and that none is mistaken for another."""
import gzip
import json

import numpy as np
import pytest

import rounding


def golden(shared, name):
    with open(shared / f"golden/vectors/{name}.jsonl") as rows:
        return [row for row in map(json.loads, rows) if row.get("max_length") in (None, 256, 4096)]


def model_folder(name, checkpoint, default_model):
    return default_model if name.startswith("all-") else checkpoint(*name.rsplit("-", 1), "f32")


def embed(run, tmp_path, model, rows, *args):
    texts, out = tmp_path / "texts.jsonl", tmp_path / "vectors.npy"
    texts.write_text("".join(json.dumps({"text": row["text"], "instruction": row.get("instruction", "")}) + "\n" for row in rows))
    run("embed", texts, "--model", model, "-o", out, "--quiet", *args)
    return np.load(out).astype(np.float64)


def cosines(a, b):
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


# The least of the default model in int8 is the empty text: two tokens, and no average over them.
@pytest.mark.parametrize("dtype,model,least,most", [
    ("bf16", "nv-embed-small", 0.9999, 1 - 1e-8), ("bf16", "nv-embedcode-small", 0.9999, 1 - 1e-8),
    ("bf16", "all-minilm-l6-v2", 0.9999, 1 - 1e-8), ("int8", "nv-embed-small", 0.9994, 1 - 1e-6), ("int8", "nv-embedcode-small", 0.9994, 1 - 1e-6),
    ("int8", "all-minilm-l6-v2", 0.999, 1 - 1e-6), ("int4", "nv-embed-small", 0.975, 0.9995),
    ("int4", "nv-embedcode-small", 0.975, 0.9995), ("int4", "all-minilm-l6-v2", 0.91, 0.9995)])
def test_rounded_weights_stay_close_to_the_published_vectors(run, shared, checkpoint, default_model, tmp_path, dtype, model, least,
                                                             most):
    rows = golden(shared, model)
    assert len(rows) > 25
    vectors = embed(run, tmp_path, model_folder(model, checkpoint, default_model), rows, "--dtype", dtype)
    cosine = cosines(vectors, np.array([row["vector"] for row in rows]))
    print(f"{dtype} of {model}: least {cosine.min():.5f}, median {np.median(cosine):.5f}")
    assert cosine.min() >= least
    assert cosine.max() < most, f"this is not {dtype}"


@pytest.mark.parametrize("model", ["nv-embed-small", "all-minilm-l6-v2"])
def test_int4_is_a_third_closer_than_plain_rounding(run, shared, checkpoint, default_model, tmp_path, model):
    """Plain: the largest of 32 neighbours is their scale. Its inputs even stay in f32 here."""
    folder = model_folder(model, checkpoint, default_model)
    plain = rounding.plainly_rounded(folder, tmp_path / "plain")
    rows = golden(shared, model)
    published = np.array([row["vector"] for row in rows])
    away = {"int4": 1 - cosines(embed(run, tmp_path, folder, rows, "--dtype", "int4"), published),
            "plain": 1 - cosines(embed(run, tmp_path, plain, rows), published)}
    print({name: f"mean {x.mean():.5f}, most {x.max():.5f}" for name, x in away.items()})
    assert away["int4"].mean() < away["plain"].mean() * 2 / 3
    assert away["int4"].max() < away["plain"].max() * 2 / 3


def test_the_sts_benchmark_loses_nothing_in_bf16_and_int8_and_half_a_point_at_most_in_int4(run, shared, default_model):
    score = {}
    for dtype in ("f32", "bf16", "int8", "int4"):
        done = run("eval", "STSBenchmark", "--data", shared / "data", "--dtype", dtype, "--no-cache", "--json", "--quiet")
        score[dtype] = json.loads(done.stdout)["main_score"]
    print(score)
    assert round(score["f32"], 4) == 0.8203
    assert score["bf16"] >= score["f32"] - 0.0002
    assert score["int8"] >= score["f32"] - 0.0005
    assert score["int4"] >= score["f32"] - 0.005


def test_kept_vectors_of_one_dtype_are_not_those_of_another(run, default_model, tmp_path, monkeypatch):
    monkeypatch.delenv("LODE_NO_CACHE")
    (tmp_path / "STSBenchmark").mkdir()
    with gzip.open(tmp_path / "STSBenchmark/test.jsonl.gz", "wt") as out:
        for i in range(6):
            out.write(json.dumps({"sentence1": f"A man plays {i} guitars.", "sentence2": "A band.", "score": i}) + "\n")
    for dtype, expected in [("f32", "7 encoded"), ("int8", "7 encoded"), ("int4", "7 encoded"), ("int8", "0 encoded"),
                            ("int4", "0 encoded"), ("f32", "0 encoded")]:
        done = run("eval", "STSBenchmark", "--data", tmp_path, "--cache", tmp_path / "cache", "--dtype", dtype)
        assert expected in done.stderr


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_a_rounded_vector_does_not_depend_on_its_neighbours_or_threads(run, shared, default_model, tmp_path, dtype):
    rows = golden(shared, "all-minilm-l6-v2")[:20]
    together = embed(run, tmp_path, default_model, rows, "--dtype", dtype, "--threads", "2")
    for i in (0, 7, 19):
        alone = embed(run, tmp_path, default_model, rows[i:i + 1], "--dtype", dtype, "--threads", "1")
        assert (alone[0] == together[i]).all()


def test_inspect_says_what_each_dtype_needs(run, default_model):
    memory = json.loads(run("inspect", default_model, "--json").stdout)["memory"]
    assert memory["int8"]["weights_bytes"] < 0.75 * memory["f32"]["weights_bytes"]
    assert memory["int4"]["weights_bytes"] < memory["int8"]["weights_bytes"]
    table = run("inspect", default_model).stdout
    assert all(f"computing in {dtype}" in table for dtype in ("f32", "int8", "int4"))


@pytest.mark.parametrize("stored", ["f32", "f16", "bf16"])
def test_auto_is_what_the_file_holds(run, default_model, tmp_path, stored):
    """16-bit weights are multiplied in BF16 where the CPU does that, everything else in f32."""
    native = " avx512_bf16 " in open("/proc/cpuinfo").read()
    model = tmp_path / "model.gguf"
    run("convert", default_model, "--to", stored, "-o", model, "--quiet")
    rows = [{"text": "A plane is taking off."}, {"text": "naïve café №5"}]
    vectors = {dtype: embed(run, tmp_path, model, rows, "--dtype", dtype) for dtype in ("auto", "f32", "bf16")}
    assert (vectors["f32"] != vectors["bf16"]).any()
    expected = "bf16" if native and stored != "f32" else "f32"
    assert (vectors["auto"] == vectors[expected]).all()
