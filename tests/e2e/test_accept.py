"""The shared acceptance checks: token ids and vectors of the published code, through the built binary."""
import json
import os
import shutil
import subprocess
import sys

import pytest

WIDE = pytest.mark.skipif(not os.environ.get("LODE_WIDE"), reason="1 to 3 GB a checkpoint: run make golden-wide")


def accept(shared, script, *args):
    done = subprocess.run([sys.executable, shared / "accept" / script, *map(str, args)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("ok: ")
    return done.stdout.splitlines()[-1]


@pytest.fixture
def without(tmp_path):
    """without(folder, *names) -> a folder of links to the same files, less the names."""

    def make(folder, *names):
        out = tmp_path / "model"
        out.mkdir()
        for path in folder.iterdir():
            if path.name not in names:
                (out / path.name).symlink_to(path)
        return out

    return make


def golden_ids(shared, name):
    return shared / "golden/tokenizer" / f"{name}_ids.jsonl"


def test_mistral_ids_from_tokenizer_json(lode, shared, checkpoint, without):
    folder = without(checkpoint("nv-embed", "tiny"), "tokenizer.model")
    assert "2373/2373" in accept(shared, "tokens.py", lode, folder, golden_ids(shared, "mistral"))


def test_mistral_ids_from_tokenizer_model_alone(lode, shared, checkpoint, without):
    folder = without(checkpoint("nv-embed", "tiny"), "tokenizer.json")
    assert "2373/2373" in accept(shared, "tokens.py", lode, folder, golden_ids(shared, "mistral"))


def test_minilm_ids_from_tokenizer_json(lode, shared, default_model, without):
    folder = without(default_model, "vocab.txt")
    assert "2373/2373" in accept(shared, "tokens.py", lode, folder, golden_ids(shared, "minilm"))


def test_minilm_ids_from_vocab_txt_alone(lode, shared, default_model, without):
    folder = without(default_model, "tokenizer.json")
    assert "2373/2373" in accept(shared, "tokens.py", lode, folder, golden_ids(shared, "minilm"))


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("model,size", [("nv-embed", "tiny"), ("nv-embed", "small"), ("nv-embedcode", "tiny"),
                                        ("nv-embedcode", "small"), ("sfr-embedding-2", "small")])
def test_vectors(lode, shared, checkpoint, model, size, shards):
    accept(shared, "vectors.py", lode, checkpoint(model, size, "f32", shards), shared / f"golden/vectors/{model}-{size}.jsonl",
           "--dtype", "f32", "--max-abs", "2e-6")


def test_vectors_of_the_default_model(lode, shared, default_model):
    accept(shared, "vectors.py", lode, default_model, shared / "golden/vectors/all-minilm-l6-v2.jsonl", "--dtype", "f32",
           "--max-abs", "2e-6")


@WIDE
@pytest.mark.parametrize("model", ["nv-embed", "nv-embedcode"])
def test_vectors_wide2(lode, shared, checkpoint, model):
    accept(shared, "vectors.py", lode, checkpoint(model, "wide2", "f16"), shared / f"golden/vectors/{model}-wide2.jsonl",
           "--dtype", "f32", "--max-abs", "2e-6")


def renamed(folder, out, prefix):
    """A copy of the folder whose tensors are named with `prefix` in front of the bare names."""
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns("*.safetensors"))
    data = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    raw = json.dumps({name if name == "__metadata__" else prefix + name: entry for name, entry in header.items()}).encode()
    raw += b" " * (-len(raw) % 8)
    (out / "model.safetensors").write_bytes(len(raw).to_bytes(8, "little") + raw + data[8 + length:])
    return out


@pytest.mark.parametrize("prefix", ["model.", "embedding_model."])
def test_tensor_names_with_a_prefix(lode, shared, checkpoint, tmp_path, prefix):
    folder = renamed(checkpoint("nv-embedcode", "tiny"), tmp_path / "model", prefix)
    accept(shared, "vectors.py", lode, folder, shared / "golden/vectors/nv-embedcode-tiny.jsonl", "--dtype", "f32")


@pytest.mark.parametrize("isa", ["scalar", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16"])
def test_every_instruction_set_is_faithful(lode, shared, checkpoint, monkeypatch, isa):
    flags = open("/proc/cpuinfo").read()
    needed = {"scalar": "", "avx2": " avx2 ", "avx512": " avx512f ", "avx2_vnni": " avx_vnni ",
              "avx512_vnni": " avx512_vnni ", "avx512_bf16": " avx512_bf16 "}[isa]
    if needed not in flags:
        pytest.skip(f"this CPU has no {isa}")
    monkeypatch.setenv("LODE_ISA", isa)
    accept(shared, "vectors.py", lode, checkpoint("nv-embed", "tiny"), shared / "golden/vectors/nv-embed-tiny.jsonl", "--dtype",
           "f32", "--max-abs", "2e-6")
