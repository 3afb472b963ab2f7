"""`lode inspect`: what it says of a real model, of synthetic ones, and of folders that are not in order."""
import json
import shutil

import pytest


def inspect(run, folder, *args):
    return json.loads(run("inspect", folder, "--json", *args).stdout)


def test_says_what_the_default_model_is(run, default_model):
    report = inspect(run, default_model, "--tensors")
    assert (report["dims"], report["max_tokens"], report["max_positions"]) == (384, 256, 512)
    assert report["pooling"] == {"kind": "mean", "normalize": True, "pool_instruction": True}
    assert report["tokenizer"]["prefix"] == [101] and report["tokenizer"]["suffix"] == [102]
    tensors = report["tensors"]
    assert tensors["parameters"] == sum(row["bytes"] for row in tensors["list"]) // 4 == 22_713_216
    assert tensors["skipped"] == [{"name": "embeddings.position_ids", "dtype": "I64"}]
    assert report["licence"]["name"].lower() == "apache-2.0" and report["licence"]["restriction"] is None


def test_the_table_for_people(run, default_model):
    lines = run("inspect", default_model).stdout.splitlines()
    labels = [line.split()[0] for line in lines if line[:1].strip()]
    assert labels == ["Model", "Folder", "Family", "Layers", "Pooling", "Dimensions", "Max", "Tokenizer", "Task", "Query",
                      "Passage", "Tensors", "Memory", "Licence", "Card", "Languages", "Trained", "Limits"]
    assert len(run("inspect", default_model, "--tensors").stdout.splitlines()) == len(lines) + 1 + 103 + 1


@pytest.mark.parametrize("shards", [1, 2])
def test_nv_embed_from_one_file_and_from_shards(run, checkpoint, shards):
    report = inspect(run, checkpoint("nv-embed", "tiny", shards=shards), "--tensors")
    assert len(report["tensors"]["files"]) == len({row["file"] for row in report["tensors"]["list"]}) == shards
    assert report["pooling"]["kind"] == "latent attention" and not report["pooling"]["pool_instruction"]
    assert report["prompts"]["task"] == "Instruct: {task}\nQuery: "


def test_nv_embed_may_not_be_used_commercially(run, checkpoint, tmp_path):
    (tmp_path / "NV-Embed-v1").symlink_to(checkpoint("nv-embed", "tiny"))
    report = inspect(run, tmp_path / "NV-Embed-v1")
    licence, card = report["licence"], report["card"]
    assert card["parameters"] == 7_851_016_192 and card["published_max_tokens"] == 4096 and card["limits"]
    assert licence["name"] == "CC-BY-NC-4.0" and licence["restriction"] == "non-commercial use only"


def damaged(default_model, tmp_path, name, change):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in default_model.iterdir():
        if path.name != name:
            (folder / path.name).symlink_to(path)
    change(default_model / name, folder / name)
    return folder


def cut(n):
    def change(source, target):
        shutil.copy(source, target)
        with open(target, "r+b") as file:
            file.truncate(n)

    return change


@pytest.mark.parametrize("name, change, said", [
    ("config.json", lambda source, target: None, "has no config.json"),
    ("config.json", cut(100), "config.json is not valid JSON"),
    ("model.safetensors", cut(5), "model.safetensors has 5 bytes, expected at least 8"),
    ("model.safetensors", cut(90_000_000), "reach beyond the 89988584 data bytes"),
    ("model.safetensors", lambda source, target: None, "holds neither model.safetensors nor"),
])
def test_a_folder_that_is_not_in_order_is_one_line_and_exit_1(run, default_model, tmp_path, name, change, said):
    done = run("inspect", damaged(default_model, tmp_path, name, change), check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr
