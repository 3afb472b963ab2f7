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
