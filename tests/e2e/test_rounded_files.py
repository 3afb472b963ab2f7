"""`lode convert --to int8|int4`: files that are used where they are mapped, bit for bit the arithmetic of that name; old ones that
must stay readable; and what is refused."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gguf_file
import rounded_reader
import rounding
from gguf_file import GgufFile

FILES = Path(__file__).parent / "files"
TEXTS = ["A plane is taking off.", "def add(a, b):\n    return a + b", "naïve café №5, 東京!", "", "word " * 60]
DTYPES = ["int8", "int4"]


def vectors(run, tmp_path, model, *args, texts=TEXTS):
    source, out = tmp_path / "texts.jsonl", tmp_path / "v.npy"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    run("embed", source, "--model", model, "-o", out, *args)
    return np.load(out)


@pytest.fixture(scope="session")
def rounded(run, default_model, tmp_path_factory):
    """rounded(dtype) -> the default model as a file of that dtype, made once."""
    made = {}

    def make(dtype):
        if dtype not in made:
            made[dtype] = tmp_path_factory.mktemp("rounded") / f"{dtype}.gguf"
            run("convert", default_model, "--to", dtype, "-o", made[dtype])
        return made[dtype]

    return make


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_gives_the_bits_that_its_model_gives_in_that_dtype(run, tmp_path, default_model, rounded, dtype):
    expected = vectors(run, tmp_path, default_model, "--dtype", dtype)
    assert (vectors(run, tmp_path, rounded(dtype)) == expected).all()
    assert (vectors(run, tmp_path, rounded(dtype), "--dtype", dtype, "--threads", "1") == expected).all()
    folder, file = (json.loads(run("inspect", m, "--json").stdout) for m in (default_model, rounded(dtype)))
    for key in ("max_tokens", "max_positions", "config", "pooling", "prompts", "tokenizer"):
        assert folder[key] == file[key]
    assert file["licence"]["name"] == folder["licence"]["name"]
    assert file["tensors"]["types"][f"{dtype}-rotated"]["tensors"] == 36
    assert list(file["memory"]) == [dtype]
    assert abs(file["memory"][dtype]["weights_bytes"] / folder["memory"][dtype]["weights_bytes"] - 1) < 0.02


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("model", ["nv-embed", "nv-embedcode", "sfr-embedding-2"])
def test_nv_models_give_the_same_bits(run, tmp_path, checkpoint, model, dtype):
    folder, out = checkpoint(model, "tiny"), tmp_path / "m.gguf"
    run("convert", folder, "--to", dtype, "-o", out)
    args = [] if model == "sfr-embedding-2" else ["--task", "find it"]
    assert (vectors(run, tmp_path, out, *args) == vectors(run, tmp_path, folder, "--dtype", dtype, *args)).all()
    types = json.loads(run("inspect", out, "--json").stdout)["tensors"]["types"]
    # These weights are evenly distributed: not rotated in 4 bits. The latent block has 8: two matrices, and what was folded.
    assert types["int8-rotated" if dtype == "int8" else "int4"]["tensors"] == 21 + (4 if dtype == "int8" and model == "nv-embed" else 0)
    if dtype == "int4" and model == "nv-embed":
        assert types["int8-rotated"]["tensors"] == 4


# Relative squared errors: an 8-bit step is a 127th of the largest of a group, 4 bits lose about 0.0054 of normal weights.
@pytest.mark.parametrize("dtype, most", [("int8", 1e-4), ("int4", 6e-3)])
def test_the_layout_is_that_of_the_documentation(default_model, rounded, dtype, most):
    file, own = GgufFile(rounded(dtype)), rounding.tensors(default_model)
    listed = zip(*(file.values[f"lode.rounded.{key}"] for key in ("tensors", "types", "rows", "columns", "groups")))
    known = {name: rest for name, *rest in listed}
    for name, published in [("blk.0.ffn_up.weight", "encoder.layer.0.intermediate.dense.weight"),
                            ("blk.0.ffn_down.weight", "encoder.layer.0.output.dense.weight"),
                            ("blk.5.attn_k.weight", "encoder.layer.5.attention.self.key.weight")]:
        kind, rows, columns, group = known[name]
        weights = own[published].astype(np.float64)
        assert kind == f"{dtype}-rotated" and weights.shape == (rows, columns)
        weights = weights[:64]
        error = rounded_reader.read(file.tensors[name][2], kind, rows, columns, group)[:64] - rounded_reader.rotate(weights)
        assert 0 < (error ** 2).sum() / (weights ** 2).sum() < most


def test_a_gguf_file_is_rounded_like_the_model_that_it_holds(run, tmp_path, checkpoint):
    """Rows of Q and K lie in another order in llama.cpp's files."""
    folder = checkpoint("nv-embedcode", "tiny")
    run("convert", folder, "--to", "f32", "-o", tmp_path / "f32.gguf")
    run("convert", tmp_path / "f32.gguf", "--to", "int4", "-o", tmp_path / "int4.gguf")
    assert (vectors(run, tmp_path, tmp_path / "int4.gguf") == vectors(run, tmp_path, folder, "--dtype", "int4")).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["rounded-v1", "rounded-v1-long", "rounded-v2"])
def test_files_of_every_version_stay_readable(run, tmp_path, name, dtype):
    known = json.loads((FILES / f"{name}.json").read_text())
    expected = np.array(known[dtype])
    for isa, most in ("portable", 2e-7), ("", 2e-5):  # "": the widest that there is, which may attend in BF16
        got = vectors(lambda *args: run(*args, LODE_ISA=isa), tmp_path, FILES / f"{name}-{dtype}.gguf", texts=known["texts"])
        # Sums of products are exact; what lies between them is f32, in an order of its own for each instruction set.
        cosine = (got * expected).sum(1) / np.linalg.norm(got, axis=1) / np.linalg.norm(expected, axis=1)
        assert (1 - cosine).max() < most


def test_a_file_is_written_in_bounded_memory(lode, tmp_path, checkpoint):
    """nv-embed small has 160 MB of weights in f32; pages that were read are given back."""
    out = tmp_path / "m.gguf"
    # A child starts with the peak of who forks it, so a small process does.
    measure = ("import os, sys; done = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0);"
               "print(done[1], done[2].ru_maxrss * 1024)")
    done = subprocess.run([sys.executable, "-c", measure, lode, "convert", checkpoint("nv-embed", "small"), "--to", "int8", "-o", out,
                           "--quiet"], capture_output=True, text=True, check=True)
    status, peak = map(int, done.stdout.split())
    assert status == 0 and out.stat().st_size > 50e6
    assert peak < 150e6



# ---- What is refused -------------------------------------------------------------------------------------------------

def refusal(run, path, *args):
    done = run("embed", "--model", path, *args, input="hello\n", check=False)
    assert done.returncode in (1, 2) and done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_another_dtype_than_the_files_own_is_refused(run, rounded):
    said = refusal(run, rounded("int8"), "--dtype", "f32")
    assert "rounded for int8, --dtype f32 was asked for" in said
    assert "rounded for int4, --dtype int8 was asked for" in refusal(run, rounded("int4"), "--dtype", "int8")


def test_a_rounded_model_is_not_converted_again(run, tmp_path, rounded):
    for to in "f16", "int4":
        done = run("convert", rounded("int8"), "--to", to, "-o", tmp_path / "again.gguf", check=False)
        assert done.returncode == 2 and "rounded already" in done.stderr
    assert os.listdir(tmp_path) == []


def test_rounded_tensors_alone_are_no_file(run, tmp_path, default_model):
    done = run("convert", default_model, "--to", "int8", "-o", tmp_path / "m.safetensors", check=False)
    assert done.returncode == 2 and "is no type of safetensors files" in done.stderr


def test_any_changed_byte_of_the_head_is_noticed(run, tmp_path):
    file = GgufFile(FILES / "rounded-v2-int4.gguf")
    raw = bytearray(file.raw)
    rows = raw.rindex(b"lode.rounded.rows")
    for at in (rows + 17 + 16, raw.rindex(b"[MASK]"), raw.index(b"hidden_size"), file.data_start - 1):
        changed = raw.copy()
        changed[at] ^= 1
        (tmp_path / "m.gguf").write_bytes(changed)
        assert "the checksum of the head" in refusal(run, tmp_path / "m.gguf")


@pytest.mark.parametrize("changed, said", [
    ({"blk.0.attn_k.weight": "int4"}, "are not rounded alike"),
    ({"blk.0.attn_k.weight": 32}, "are not rounded alike"),  # groups of 32: of rows of 16, as many bytes
    ({"blk.0.attn_k.weight": 48}, "has groups of 48, expected a multiple of 32 up to 4096"),
    ({"blk.0.attn_q.weight": None, "blk.0.attn_k.weight": None}, "are not rounded alike"),
    ({"token_embd.weight": "int4-rotated"}, "is rounded, expected plain numbers"),
])
def test_weights_that_do_not_go_together_are_refused(run, tmp_path, changed, said):
    """Whoever writes such a file can write its checksum too."""
    file = GgufFile(FILES / "rounded-v2-int4.gguf")
    sizes = {name: rest for name, *rest in zip(*(file.values[f"lode.rounded.{key}"] for key in ("tensors", "rows", "columns", "groups")))}
    types = dict(zip(file.values["lode.rounded.tensors"], file.values["lode.rounded.types"]))
    for name, kind in changed.items():
        if isinstance(kind, int):
            sizes[name][2] = kind
            continue
        if kind is None:  # plain numbers instead
            rows, columns, _ = sizes.pop(name)
            del types[name]
            file.tensors[name] = ([columns, rows], 0, bytes(4 * rows * columns))
            continue
        types[name] = kind
        if name not in sizes:
            sizes[name] = (13, 16, 64)
            file.tensors[name] = ([272 + 64], 24, bytes(272 + 64))
    gguf_file.write_rounded(tmp_path / "m.gguf", file, types, sizes)
    assert said in refusal(run, tmp_path / "m.gguf")


def test_a_newer_version_is_named(run, tmp_path):
    raw = bytearray((FILES / "rounded-v2-int8.gguf").read_bytes())
    at = raw.index(b"lode.rounded.version") + len(b"lode.rounded.version") + 4
    assert raw[at] == 2
    raw[at] = 3
    (tmp_path / "m.gguf").write_bytes(raw)
    assert "lode.rounded.version is 3, expected 1 to 2" in refusal(run, tmp_path / "m.gguf")


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_a_cut_file_is_one_line(run, tmp_path, kept):
    shutil.copy(FILES / "rounded-v2-int8.gguf", tmp_path / "m.gguf")
    os.truncate(tmp_path / "m.gguf", int(kept * (tmp_path / "m.gguf").stat().st_size))
    assert "m.gguf" in refusal(run, tmp_path / "m.gguf")


def test_damaged_weights_are_another_vector_or_an_error_and_no_crash(run, tmp_path):
    file = GgufFile(FILES / "rounded-v2-int4.gguf")
    for byte in (0x00, 0xFF):  # all codes and numbers are some; a scale of ones is no number
        raw = bytearray(file.raw)
        raw[file.data_start:] = bytes([byte]) * (len(raw) - file.data_start)
        (tmp_path / "m.gguf").write_bytes(raw)
        done = run("embed", "--model", tmp_path / "m.gguf", input="the cat\n", check=False)
        assert done.returncode in (0, 1)
        if byte == 0xFF:
            assert "is not finite" in done.stderr
