"""`lode convert` and GGUF files: blocks against the gguf package's own, vectors and ids of a model before and after, files
that another tool made, and everything that must not leave a file behind."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys

import gguf
import numpy as np
import pytest

import gguf_file
from gguf_file import GgufFile

TEXTS = ["A plane is taking off.", "def add(a, b):\n    return a + b", "naïve café №5, 東京!", "x", "word " * 60]
Type = gguf.GGMLQuantizationType


def vectors(run, tmp_path, model, *args):
    source, out = tmp_path / "texts.jsonl", tmp_path / "v.npy"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
    run("embed", source, "--model", model, "-o", out, *args)
    return np.load(out)


def cosine(a, b):
    return ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min()


def ids(run, model):
    lines = run("tokenize", "--model", model, "--text-field", "text",
                input="".join(json.dumps({"text": t}) + "\n" for t in TEXTS)).stdout.splitlines()
    return [json.loads(line) for line in lines]


def safetensors(path):
    raw = path.read_bytes()
    n = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + n])
    kinds = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}
    return {name: np.frombuffer(raw[8 + n:][slice(*row["data_offsets"])], kinds[row["dtype"]]).reshape(row["shape"])
            for name, row in header.items() if name != "__metadata__"}


@pytest.fixture(scope="session")
def converted(run, default_model, tmp_path_factory):
    """converted(to) -> the default model as a GGUF file of that type, made once."""
    made = {}

    def make(to):
        if to not in made:
            made[to] = tmp_path_factory.mktemp("gguf") / f"{to}.gguf"
            run("convert", default_model, "--to", to, "-o", made[to])
        return made[to]

    return make


def llama_file(path, tensors):
    """A Llama architecture of one layer: these tensors (name, array of bytes or numbers, type), the others nothing but zeros."""
    writer = gguf.GGUFWriter(path, "llama-embed")
    for key, value in dict(block_count=1, context_length=32, embedding_length=256, feed_forward_length=256).items():
        writer.add_uint32(f"llama-embed.{key}", value)
    writer.add_head_count(4)
    writer.add_layer_norm_rms_eps(1e-5)
    given = {name for name, _, _ in tensors}
    norms, matrices = ["attn_norm", "ffn_norm"], ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    shapes = {"output_norm.weight": 256} | {f"blk.0.{n}.weight": 256 for n in norms} | {f"blk.0.{n}.weight": (256, 256) for n in matrices}
    rest = [(name, np.zeros(shape, np.float32), Type.F32) for name, shape in shapes.items() if name not in given]
    for name, data, kind in [*tensors, *rest]:
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ---- Blocks: the gguf package is the oracle --------------------------------------------------------------------------

@pytest.mark.parametrize("kind", [Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q4_K, Type.Q5_K, Type.Q6_K, Type.BF16])
def test_blocks_stand_for_what_ggml_says(run, tmp_path, kind):
    rng = np.random.default_rng(3)
    block, n_bytes = gguf.GGML_QUANT_SIZES[kind]
    rows = rng.integers(0, 256, (64, 256 // block * n_bytes), dtype=np.uint8)
    with np.errstate(all="ignore"):
        expected = gguf.quants.dequantize(rows, kind).astype(np.float32)
    finite = np.isfinite(expected).all(1)
    assert 8 < finite.sum()  # random scales are now and then infinite or no number
    llama_file(tmp_path / "m.gguf", [("token_embd.weight", rows[finite], kind)])
    run("convert", tmp_path / "m.gguf", "--to", "f32", "-o", tmp_path / "out.safetensors")
    assert safetensors(tmp_path / "out.safetensors")["embed_tokens.weight"].tobytes() == expected[finite].tobytes()


@pytest.mark.parametrize("to, kind", [("q8_0", Type.Q8_0), ("q4_0", Type.Q4_0), ("bf16", Type.BF16), ("f16", Type.F16)])
def test_numbers_are_rounded_as_ggml_does(run, tmp_path, to, kind):
    rng = np.random.default_rng(4)
    x = (rng.standard_normal((64, 256)) * 10.0 ** rng.integers(-6, 3, (64, 1))).astype(np.float32)
    x[0, :64] = 0  # blocks of nothing
    x[1, 3], x[1, 7] = 2, -2  # two that are largest: the first one counts
    x[2, :32] = np.arange(32) - 15.5  # halves
    llama_file(tmp_path / "m.gguf", [("token_embd.weight", x, Type.F32)])
    run("convert", tmp_path / "m.gguf", "--to", to, "-o", tmp_path / "out.gguf")
    tensor = gguf.GGUFReader(tmp_path / "out.gguf").tensors[0]
    assert tensor.tensor_type == kind
    assert np.asarray(tensor.data).tobytes() == gguf.quants.quantize(x, kind).tobytes()


@pytest.mark.parametrize("scale", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_an_error_and_no_vector(run, tmp_path, converted, scale):
    raw = bytearray(converted("q8_0").read_bytes())
    at = GgufFile(converted("q8_0")).places["blk.0.ffn_up.weight"]
    raw[at:at + 2] = np.float16(scale).tobytes()
    (tmp_path / "m.gguf").write_bytes(raw)
    for args in [], ["--dtype", "int8"]:
        done = run("embed", "--model", tmp_path / "m.gguf", *args, input="hello\n", check=False)
        assert done.returncode == 1 and "is not finite" in done.stderr and done.stdout == ""


# ---- Whole models ----------------------------------------------------------------------------------------------------

BARS = {"f32": 0.9999999, "f16": 0.99999, "bf16": 0.9999, "q8_0": 0.999, "q4_0": 0.9}


@pytest.mark.parametrize("to", list(BARS))
def test_the_default_model_as_one_file(run, tmp_path, default_model, converted, to):
    out = converted(to)
    expected, got = (vectors(run, tmp_path, model, "--dtype", "f32") for model in (default_model, out))
    assert cosine(expected, got) > BARS[to]
    if to == "f32":
        assert (expected == got).all()
    assert ids(run, out) == ids(run, default_model)
    folder, file = (json.loads(run("inspect", m, "--json").stdout) for m in (default_model, out))
    for key in ("max_tokens", "max_positions", "config", "pooling", "prompts", "tokenizer"):
        assert folder[key] == file[key]
    assert file["licence"]["name"] == folder["licence"]["name"]


@pytest.mark.parametrize("model", ["nv-embed", "nv-embedcode", "sfr-embedding-2"])
def test_nv_models_come_back_exactly(run, tmp_path, checkpoint, model):
    folder, out = checkpoint(model, "tiny"), tmp_path / "m.gguf"
    run("convert", folder, "--to", "f32", "-o", out)
    args = [] if model == "sfr-embedding-2" else ["--task", "find it"]
    assert (vectors(run, tmp_path, folder, *args) == vectors(run, tmp_path, out, *args)).all()
    assert ids(run, out) == ids(run, folder)
    # And once more through the other format: GGUF to safetensors beside the folder's own files.
    again = tmp_path / "again"
    shutil.copytree(folder, again, ignore=shutil.ignore_patterns("*.safetensors"))
    run("convert", out, "--to", "f32", "-o", again / "model.safetensors")
    assert (vectors(run, tmp_path, folder, *args) == vectors(run, tmp_path, again, *args)).all()


@pytest.mark.parametrize("model, architecture, pooling", [("nv-embedcode", "llama-embed", 1), ("sfr-embedding-2", "llama", 3)])
def test_the_keys_alone_are_a_model(run, tmp_path, checkpoint, model, architecture, pooling):
    folder = checkpoint(model, "tiny")
    run("convert", folder, "--to", "f32", "-o", tmp_path / "m.gguf")
    file = GgufFile(tmp_path / "m.gguf")
    bare = tmp_path / "bare.gguf"
    gguf_file.write(bare, {k: v for k, v in file.keys.items() if not k.startswith("lode.file.")}, file.tensors)
    assert len(GgufFile(bare).keys) < len(file.keys)
    assert file.values["general.architecture"] == architecture
    assert file.values[f"{architecture}.pooling_type"] == pooling
    assert file.values[f"{architecture}.attention.causal"] == (architecture == "llama")
    assert (vectors(run, tmp_path, folder) == vectors(run, tmp_path, bare)).all()
    assert ids(run, bare) == ids(run, folder)


def test_rows_of_q_and_k_are_turned_as_llama_cpps_converter_does(run, tmp_path, checkpoint):
    folder = checkpoint("nv-embedcode", "tiny")
    run("convert", folder, "--to", "f32", "-o", tmp_path / "m.gguf")
    written = GgufFile(tmp_path / "m.gguf")
    own = safetensors(folder / "model.safetensors")
    for mark, n_heads in ("q", 4), ("k", 2):
        w = own[f"layers.1.self_attn.{mark}_proj.weight"]
        turned = w.reshape(n_heads, 2, w.shape[0] // n_heads // 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)
        assert not (turned == w).all()
        assert (written.f32(f"blk.1.attn_{mark}.weight") == turned).all()
    assert (written.f32("blk.1.attn_v.weight") == own["layers.1.self_attn.v_proj.weight"]).all()


def test_types_may_differ_within_a_layer(run, tmp_path, default_model, converted):
    """Mixed files (Q4_K_M has V in Q6_K) are read: here Q in Q8_0, V in Q4_0 and the rest in F16."""
    files = {to: GgufFile(converted(to)) for to in ("f16", "q8_0", "q4_0")}
    tensors = {name: files["q8_0" if ".attn_q.w" in name else "q4_0" if ".attn_v.w" in name else "f16"].tensors[name]
               for name in files["f16"].tensors}
    gguf_file.write(tmp_path / "mixed.gguf", files["f16"].keys, tensors)
    expected, mixed = vectors(run, tmp_path, default_model), vectors(run, tmp_path, tmp_path / "mixed.gguf")
    assert cosine(expected, vectors(run, tmp_path, converted("q4_0"))) < cosine(expected, mixed) < 0.9999
    assert (vectors(run, tmp_path, tmp_path / "mixed.gguf", "--threads", "1") == mixed).all()


# ---- What goes wrong -------------------------------------------------------------------------------------------------

def test_an_output_that_is_there_stays_unless_force_is_given(run, tmp_path, default_model):
    out = tmp_path / "m.gguf"
    out.write_text("mine")
    done = run("convert", default_model, "--to", "q8_0", "-o", out, check=False)
    assert done.returncode == 2 and "exists already" in done.stderr and "--force" in done.stderr
    assert out.read_text() == "mine"
    run("convert", default_model, "--to", "q8_0", "-o", out, "--force")
    assert out.read_bytes()[:4] == b"GGUF" and os.listdir(tmp_path) == ["m.gguf"]


@pytest.mark.parametrize("args, said", [
    (["--to", "q8_0", "-o", "m.safetensors"], "is no type of safetensors files"),
    (["--to", "f16", "-o", "m.bin"], "ends in .gguf or .safetensors"),
    (["--to", "q9_9", "-o", "m.gguf"], "--to"),
    (["-o", "m.gguf"], "--to"),
])
def test_wrong_usage_is_exit_2(run, tmp_path, default_model, args, said):
    done = run("convert", default_model, *args, check=False)
    assert done.returncode == 2 and said in done.stderr


def test_a_folder_that_is_not_there_is_one_line(run, tmp_path, default_model):
    done = run("convert", default_model, "--to", "f16", "-o", tmp_path / "no/m.gguf", check=False)
    assert done.returncode == 1 and "no" in done.stderr and done.stderr.count("\n") == 1


def test_a_full_disk_leaves_nothing(lode, tmp_path, default_model):
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write then fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))

    done = subprocess.run([lode, "convert", default_model, "--to", "q8_0", "-o", tmp_path / "m.gguf", "--quiet"],
                          capture_output=True, text=True, preexec_fn=small_files)
    assert done.returncode == 1 and "cannot be written" in done.stderr, done.stderr
    assert os.listdir(tmp_path) == []


def test_numbers_too_large_for_f16_are_named(run, tmp_path):
    x = np.full((4, 256), 70000, np.float32)
    llama_file(tmp_path / "m.gguf", [("token_embd.weight", x, Type.F32)])
    done = run("convert", tmp_path / "m.gguf", "--to", "f16", "-o", tmp_path / "o.gguf", check=False)
    assert done.returncode == 1 and '"embed_tokens.weight"' in done.stderr and "too large for F16" in done.stderr
    assert os.listdir(tmp_path) == ["m.gguf"]


def changed_file(converted, tmp_path, name, change):
    """The default model in f32 with change(dims, type, bytes) in place of the tensor of that name, or without it."""
    file = GgufFile(converted("f32"))
    tensors = dict(file.tensors)
    if (new := change(*tensors.pop(name))) is not None:
        tensors[name] = new
    gguf_file.write(tmp_path / "m.gguf", file.keys, tensors)
    return tmp_path / "m.gguf"


NAME = "blk.3.ffn_up.weight"
Q5_0 = 6


@pytest.mark.parametrize("to", ["f32", "q8_0", "int8"])
@pytest.mark.parametrize("change, said", [
    (lambda dims, kind, data: (dims, Q5_0, bytes(len(data) * 22 // 128)), 'is of type "Q5_0", expected one of'),
    (lambda dims, kind, data: None, "is missing"),
    (lambda dims, kind, data: (dims[::-1], kind, data), "has shape [384, 1536], expected [1536, 384]"),
])
def test_a_model_that_cannot_be_loaded_is_not_converted_and_inspect_says_why(run, tmp_path, converted, to, change, said):
    model = changed_file(converted, tmp_path, NAME, change)
    expected = run("embed", "--model", model, input="hello\n", check=False)
    assert expected.returncode == 1 and said in expected.stderr and "encoder.layer.3.intermediate.dense.weight" in expected.stderr
    for suffix in ["gguf"] + ["safetensors"] * (to == "f32"):
        done = run("convert", model, "--to", to, "-o", tmp_path / f"o.{suffix}", check=False)
        assert done.returncode == 1 and done.stderr == expected.stderr
    assert os.listdir(tmp_path) == ["m.gguf"]
    table = run("inspect", model, "--tensors").stdout
    assert "Unusable" in table and said in table and "not used" not in table and "Memory" not in table
    report = json.loads(run("inspect", model, "--json").stdout)
    assert said in report["problem"] and report["memory"] == {}


def folder_with(checkpoint, tmp_path, change):
    """A folder of NV-EmbedCode's architecture whose tensors (name to type, shape, bytes) are changed. A number of bytes for the
    last one's is a hole of that size."""
    folder, source = tmp_path / "m", checkpoint("nv-embedcode", "tiny")
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    raw = (source / "model.safetensors").read_bytes()
    n = int.from_bytes(raw[:8], "little")
    tensors = {name: (row["dtype"], row["shape"], raw[8 + n:][slice(*row["data_offsets"])])
               for name, row in json.loads(raw[8:8 + n]).items() if name != "__metadata__"}
    change(tensors)
    header, data, end = {}, b"", 0
    for name, (dtype, shape, content) in tensors.items():
        begin, end = end, end + (content if isinstance(content, int) else len(content))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
        data += b"" if isinstance(content, int) else content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    os.truncate(folder / "model.safetensors", 8 + len(text) + end)
    return folder


@pytest.mark.parametrize("change, said", [
    (lambda t: t.update({"model.norm.weight": t["norm.weight"]}), "are the same part of the model"),
    (lambda t: t.update({"norm.weight": ("F32", [], bytes(4))}), "has shape [], expected [64]"),
    (lambda t: t.update({"norm.weight": ("F32", [0, 64], b"")}), "has shape [0, 64], expected [64]"),
    (lambda t: t.update({"norm.weight": ("F64", [64], bytes(512))}), 'is of type "F64", expected one of'),
    (lambda t: t.update({"layers.0.self_attn.q_proj.bias": ("F32", [64], bytes(256))}), "is none of the model's"),
    (lambda t: t.update({"layers.9.input_layernorm.weight": ("F32", [64], bytes(256))}), "is none of the model's"),
])
def test_folders_with_other_tensors_are_refused_alike(run, tmp_path, checkpoint, change, said):
    folder = folder_with(checkpoint, tmp_path, change)
    expected = run("embed", "--model", folder, input="hello\n", check=False)
    assert expected.returncode == 1 and said in expected.stderr
    for to, out in ("f16", "o.gguf"), ("f16", "o.safetensors"), ("int4", "o.gguf"):
        done = run("convert", folder, "--to", to, "-o", tmp_path / out, check=False)
        assert done.returncode == 1 and done.stderr == expected.stderr
    assert os.listdir(tmp_path) == ["m"]


def test_tables_that_old_versions_of_transformers_saved_are_left_out(run, tmp_path, checkpoint):
    def add(tensors):
        for layer in 0, 1:
            tensors[f"layers.{layer}.self_attn.rotary_emb.inv_freq"] = ("F32", [8], bytes(32))

    folder = folder_with(checkpoint, tmp_path, add)
    for to in "f32", "int8":
        run("convert", folder, "--to", to, "-o", tmp_path / f"{to}.gguf")
    assert (vectors(run, tmp_path, folder) == vectors(run, tmp_path, tmp_path / "f32.gguf")).all()


@pytest.mark.parametrize("named", ["config.json", "tokenizer.json"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(run, tmp_path, checkpoint, named):
    folder = tmp_path / "m"
    shutil.copytree(checkpoint("nv-embedcode", "tiny"), folder)
    (folder / named).unlink()
    os.mkfifo(folder / named)
    for args in ["inspect", folder], ["embed", "--model", folder]:
        done = run(*args, input="hello\n", check=False)
        assert done.returncode == 1 and f"{named} is not a regular file" in done.stderr


@pytest.mark.parametrize("to", ["f32", "f16", "bf16", "q8_0", "int8", "int4"])
@pytest.mark.parametrize("name, number", [("norm.weight", np.nan), ("embed_tokens.weight", np.nan), ("embed_tokens.weight", -np.inf),
                                          ("layers.1.mlp.up_proj.weight", np.inf), ("layers.1.self_attn.q_proj.weight", np.nan)])
def test_numbers_that_are_not_finite_are_never_written(run, tmp_path, checkpoint, to, name, number):
    def spoil(tensors):
        dtype, shape, data = tensors[name]
        x = np.frombuffer(data, np.float32).copy()
        x[len(x) // 2 + 1] = number
        tensors[name] = (dtype, shape, x.tobytes())

    folder = folder_with(checkpoint, tmp_path, spoil)
    for out in ["o.gguf"] + ["o.safetensors"] * (to in ("f32", "f16", "bf16")):
        done = run("convert", folder, "--to", to, "-o", tmp_path / out, check=False)
        assert done.returncode == 1 and "holds numbers that are not finite" in done.stderr
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.parametrize("to", ["f16", "bf16", "q8_0"])
def test_not_even_where_nothing_is_rounded(run, tmp_path, converted, to):
    raw, bits = bytearray(converted(to).read_bytes()), np.uint16(0x7F80 if to == "bf16" else 0x7E00).tobytes()
    at = GgufFile(converted(to)).places["blk.0.ffn_up.weight"]
    raw[at:at + 2] = bits
    (tmp_path / "m.gguf").write_bytes(raw)
    done = run("convert", tmp_path / "m.gguf", "--to", to, "-o", tmp_path / "o.gguf", check=False)
    assert done.returncode == 1 and "holds numbers that are not finite" in done.stderr
    assert os.listdir(tmp_path) == ["m.gguf"]


def test_memory_does_not_grow_with_the_largest_tensor(lode, tmp_path, checkpoint):
    rows = 2_000_000

    def grow(tensors):
        del tensors["embed_tokens.weight"]
        tensors["embed_tokens.weight"] = ("F32", [rows, 64], rows * 256)

    folder = folder_with(checkpoint, tmp_path, grow)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": rows}))
    # In between stands a small process: a child's peak counts what its parent held when it was started.
    measure = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    command = [lode, "convert", folder, "--to", "f16", "-o", tmp_path / "o.safetensors", "--quiet"]
    done = subprocess.run([sys.executable, "-c", measure, *map(str, command)], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < rows * 256 / 4


@pytest.mark.parametrize("n", [0, 3, 100, 5_000_000])
def test_a_cut_file_is_one_line_and_exit_1(run, tmp_path, converted, n):
    shutil.copy(converted("q8_0"), tmp_path / "m.gguf")
    os.truncate(tmp_path / "m.gguf", n)
    for command in "inspect", "tokenize":
        done = run(command, *(["--model"] if command == "tokenize" else []), tmp_path / "m.gguf", input="a\n", check=False)
        assert done.returncode == 1 and "m.gguf" in done.stderr and done.stderr.count("\n") == 1, done.stderr
