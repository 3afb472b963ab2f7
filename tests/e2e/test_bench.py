"""`lode bench`: a model beside an engine that a small program stands in for, and the roofline picture."""
import json
import sys
import xml.etree.ElementTree as xml

import pytest

ENGINE = """import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--texts")
parser.add_argument("--threads", type=int)
parser.add_argument("--each", action="store_true")
args = parser.parse_args()
texts = [json.loads(line) for line in open(args.texts, encoding="utf-8")]
assert texts == ["one text", "und noch einer: ü", "a third"] and args.threads == 1
print("an engine may talk")
print(json.dumps({"p50_ms": 4000.0} if args.each else {"texts_per_second": 0.001, "dtype": "fp99"}))
"""


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "engine.py").write_text(ENGINE)
    (tmp_path / "texts.txt").write_text("one text\nund noch einer: ü\na third\n", encoding="utf-8")
    return f"slow={sys.executable},flags={tmp_path}/engine.py"


def test_a_model_and_an_engine_in_turn_give_their_values_and_the_ratio(run, default_model, engine, tmp_path):
    done = run("bench", "model", "--model", default_model, "--texts", tmp_path / "texts.txt", "--threads", 1, "--repetitions", 2,
               "--against", engine, "--keep-disturbed", "--quiet", "--json")
    rows = {row["what"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert all(list(row) == ["what", "shape", "dtype", "value", "unit", "percent_of_peak", "noise"] for row in rows.values())
    assert rows["embed, slow"]["value"] == 0.001 and rows["embed, slow"]["dtype"] == "fp99"
    assert rows["embed, lodestone over slow"]["value"] == pytest.approx(1000 * rows["embed, lodestone"]["value"], rel=0.5)
    assert rows["embed, lodestone over slow"]["value"] > 1000
    assert rows["query p50, slow"] | {"noise": 0} == rows["query p50, slow"] and rows["query p50, slow"]["value"] == 4000
    assert 0 < rows["query p50, lodestone over slow"]["value"] < 1
    assert rows["embed, discarded beside slow"]["value"] == 0 and rows["embed, discarded beside slow"]["shape"] == "of 2"


LLAMA = """import argparse, json, pathlib, time
parser = argparse.ArgumentParser()
for option in ["-f", "-m", "-t", "--embd-separator", "--embd-normalize", "--embd-output-format"]:
    parser.add_argument(option)
args = parser.parse_args()
texts = open(args.f, encoding="utf-8").read().split(args.embd_separator)
if texts != ["a"]:
    pathlib.Path(__file__).with_suffix(".seen").write_text(json.dumps(texts))
    time.sleep(3)  # longer than a start may differ from another
"""


def test_llama_embedding_gets_what_the_model_reads_of_a_text(run, default_model, tmp_path):
    (tmp_path / "llama.py").write_text(LLAMA)
    (tmp_path / "any.gguf").write_bytes(b"")
    texts = ["a short text", "wörd " * 300, "no" * 2000, "the end"]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    done = run("bench", "model", "--model", default_model, "--texts", tmp_path / "texts.txt", "--threads", 1, "--repetitions", 1,
               "--against", f"llama={sys.executable},model={tmp_path}/any.gguf,flags={tmp_path}/llama.py", "--keep-disturbed",
               "--quiet", "--json")
    rows = {row["what"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["embed, llama"]["value"] > 0
    seen = json.loads((tmp_path / "llama.seen").read_text())
    assert seen[1] == ("wörd " * 254).strip()  # a token each ("word" without its dots), [CLS] and [SEP]
    assert [seen[i] for i in (0, 2, 3)] == [texts[0], texts[2], texts[3]]


def test_an_engine_that_fails_or_is_none_is_an_error_of_one_line(run, default_model, engine, tmp_path):
    (tmp_path / "texts.txt").write_text("other texts\n")
    for against, says in [(engine, "slow"), ("none=/bin/true", "--texts"), ("gone=/nowhere/engine", "/nowhere/engine")]:
        done = run("bench", "model", "--model", default_model, "--texts", tmp_path / "texts.txt", "--threads", 1, "--repetitions", 1,
                   "--quiet", "--against", against, check=False)
        assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1, done.stderr
    for wrong in [["model", "--against", "no-name"], ["peaks", "--against", engine], ["peaks", "--roofline", tmp_path / "r.svg"]]:
        assert run("bench", *wrong, check=False).returncode == 2


def test_the_roofline_is_a_picture_with_every_peak(run, tmp_path):
    run("bench", "kernels", "--batch-tokens", 4, "--seq", 16, "--repetitions", 1, "--roofline", tmp_path / "roof.svg")
    picture = xml.parse(tmp_path / "roof.svg").getroot()
    words = " ".join(picture.itertext())
    assert all(f"{dtype} peak" in words for dtype in ("f32", "bf16", "int8")) and "memory reads" in words
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) >= 16  # four shapes, four arithmetics
