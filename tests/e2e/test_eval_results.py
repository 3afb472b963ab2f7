"""What `lode eval` keeps and `lode eval compare` makes of it: MTEB's layout with the hashes of everything, paired tests, a chart."""
import hashlib
import json
import subprocess
import xml.etree.ElementTree as ElementTree

import jsonschema_rs
import numpy as np
import pytest

SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
MAYBE_TEXT = {"type": ["string", "null"]}


def closed(properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


KEPT_FILE = {"file": {"type": "string"}, "sha256": SHA256}
# mteb/results/task_result.py: the fields of TaskResult and what _validate_scores_dict wants of each subset's scores.
RESULT = closed({
    "dataset_revision": {"type": "string"},
    "task_name": {"type": "string"},
    "mteb_version": {"type": "null"},
    "scores": {"type": "object", "minProperties": 1, "additionalProperties": {"type": "array", "minItems": 1, "items": {
        "type": "object", "required": ["main_score", "hf_subset", "languages"],
        "properties": {"hf_subset": {"type": "string"}, "languages": {"type": "array", "items": {"pattern": "^[a-z]{3}-[A-Z][a-z]{3}$"}}},
        "additionalProperties": {"type": ["number", "null"]}}}},
    "evaluation_time": {"type": "number", "minimum": 0},
    "kg_co2_emissions": {"type": "null"},
    "date": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    "lode": closed({
        "version": {"type": "string"}, "commit": {"type": ["string", "null"], "pattern": "^[0-9a-f]{40}(-dirty)?$"}, "kind": {"type": "string"}, "main_score": {"type": "string"},
        "rules": {"enum": ["mteb-v1", "mteb-v2"]}, "stand_in": MAYBE_TEXT, "limit": {"type": ["integer", "null"]},
        "model": closed({"name": {"type": "string"}, "revision": {"type": "string"}, "sha256": {"anyOf": [SHA256, {"type": "null"}]},
                         "dtype": MAYBE_TEXT, "kernels": MAYBE_TEXT, "max_tokens": {"type": ["integer", "null"]}}),
        "data": {"type": "array", "minItems": 1, "items": closed({"file": {"type": "string"}, "bytes": {"type": "integer"}, "sha256": SHA256})},
        "items": closed({**KEPT_FILE, "of": {"type": "string"}, "n": {"type": "integer", "minimum": 1}}),
        "run": {"anyOf": [closed(KEPT_FILE), {"type": "null"}]}})})


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def lode_eval(lode, *args, code=0):
    done = subprocess.run([lode, "eval", *map(str, args)], capture_output=True, text=True, timeout=240)
    assert done.returncode == code, (args, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def data(tmp_path):
    """A data set of one's own under SciFact's name."""
    folder = tmp_path / "data/scifact"
    (folder / "qrels").mkdir(parents=True)
    words = ["cats", "dogs", "stocks", "kernels", "bread", "rivers"]
    rows = [{"_id": f"d{i}", "title": word, "text": f"Something about {word} and {words[i - 1]}."} for i, word in enumerate(words)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": f"q{i}", "text": word}) + "\n" for i, word in enumerate(words)))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{(i + i % 2) % 6}\t1\n" for i in range(6)))
    return tmp_path / "data"


def check_result(folder, task, data):
    """One kept task, against the schema, the data it names and itself."""
    result = json.loads((folder / f"{task}.json").read_text())
    jsonschema_rs.validator_for(RESULT).validate(result)
    own = result["lode"]
    for file in own["data"]:
        assert file["sha256"] == sha256(data / file["file"]) and file["bytes"] == (data / file["file"]).stat().st_size
    listed = "".join(f"{file['sha256']}  {file['file']}\n" for file in own["data"])
    assert result["dataset_revision"] == hashlib.sha256(listed.encode()).hexdigest()
    for kept in filter(None, (own["items"], own["run"])):
        assert kept["sha256"] == sha256(folder / kept["file"])
    assert len(lines(folder / own["items"]["file"])) == own["items"]["n"]
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]
    meta = json.loads((folder / "model_meta.json").read_text())
    assert meta["name"].removeprefix("local/") == own["model"]["name"] and meta["revision"] == own["model"]["revision"]
    return result


def test_a_result_is_in_mtebs_layout_and_names_what_it_is_of(lode, data, tmp_path):
    report, = [json.loads(line) for line in lode_eval(lode, "SciFact", "--model", "bm25", "--data", data, "--out", tmp_path / "out", "--json").splitlines()]
    version = subprocess.run([lode, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    folder = tmp_path / "out/bm25" / version
    result = check_result(folder, "SciFact", data)
    scores, = result["scores"]["test"]
    assert scores["main_score"] == report["main_score"] == report["scores"]["ndcg_at_10"]
    assert {name: scores[name] for name in report["scores"]} == report["scores"]
    assert {file["file"] for file in result["lode"]["data"]} == {"scifact/corpus.jsonl", "scifact/queries.jsonl", "scifact/qrels/test.tsv"}
    items = lines(folder / "SciFact.items.jsonl")
    for name, value in report["scores"].items():
        assert abs(np.mean([row[name] for row in items]) - value) < 1e-12, name
    before = {name: (folder / name).read_bytes() for name in ("SciFact.items.jsonl", "SciFact.trec")}
    lode_eval(lode, "SciFact", "--model", "bm25", "--data", data, "--out", tmp_path / "out")
    assert before == {name: (folder / name).read_bytes() for name in before}, "a second run of the same gives the same"


def test_a_models_result_names_its_files(lode, default_model, data, tmp_path):
    lode_eval(lode, "SciFact", "--data", data, "--out", tmp_path)
    folder, = (tmp_path / "sentence-transformers__all-MiniLM-L6-v2").iterdir()
    model = check_result(folder, "SciFact", data)["lode"]["model"]
    paths = sorted(path for path in default_model.rglob("*") if path.is_file() and not path.name.startswith(("README", "LICENSE", "NOTICE", ".")))
    listed = "".join(f"{sha256(path)}  {path.relative_to(default_model)}\n" for path in paths)
    assert model["sha256"] == hashlib.sha256(listed.encode()).hexdigest(), listed
    assert folder.name == model["revision"] == model["sha256"][:40]
    assert model["dtype"] == "f32" and model["kernels"] in ("portable", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16")
    refused = lode_eval(lode, "SciFact", "--model", "bm25", "--data", data, "--out", data / "scifact/corpus.jsonl", code=1)
    assert "cannot make" in refused


def keep(folder, task, columns, ids=None, model="a/b", data=("f", "0" * 64), main="m"):
    """A result as `lode eval` keeps it, of these columns."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(next(iter(columns.values())))
    ids = ids or [f"q{i}" for i in range(n)]
    text = "".join(json.dumps({"id": name, **{key: values[i] for key, values in columns.items()}}) + "\n" for i, name in enumerate(ids))
    (folder / f"{task}.items.jsonl").write_text(text)
    own = {"main_score": main, "rules": "mteb-v1", "model": {"name": model, "revision": "1"}, "data": [{"file": data[0], "sha256": data[1]}],
           "items": {"file": f"{task}.items.jsonl", "of": "query", "sha256": hashlib.sha256(text.encode()).hexdigest()}}
    (folder / f"{task}.json").write_text(json.dumps({"task_name": task, "scores": {}, "lode": own}))
    return folder


def compare(lode, *args, code=0):
    return lode_eval(lode, "compare", *args, code=code)


@pytest.fixture
def two(tmp_path):
    rng = np.random.default_rng(5)
    for task, n in (("Graded", 80), ("Right", 50)):
        a = rng.random(n) if task == "Graded" else rng.integers(0, 2, n).astype(float)
        b = np.where(rng.random(n) < 0.5, a, rng.random(n) if task == "Graded" else 1 - a)
        order = rng.permutation(n)
        keep(tmp_path / "a", task, {"m": a.tolist()}, model="one/<b> & \"c\"")
        keep(tmp_path / "b", task, {"m": b[order].tolist()}, ids=[f"q{i}" for i in order], model="two")
    keep(tmp_path / "a", "OnlyHere", {"m": [1.0, 0.0]})
    return tmp_path / "a", tmp_path / "b"


def test_two_results_are_compared_by_item(lode, two, tmp_path):
    def column(folder, task):
        return {row["id"]: row["m"] for row in lines(folder / f"{task}.items.jsonl")}
    graded, right = [json.loads(line) for line in compare(lode, *two, "--json", "--items", 3).splitlines()]
    for report, task, test in ((graded, "Graded", "randomisation"), (right, "Right", "McNemar, exact")):
        a, b = column(two[0], task), column(two[1], task)
        d = {name: b[name] - a[name] for name in a}
        assert report["task"] == task and report["test"] == test and report["n_items"] == len(a)
        assert abs(report["difference"] - np.mean(list(d.values()))) < 1e-12
        assert report["interval"][0] < report["difference"] < report["interval"][1]
        assert (report["better"], report["worse"]) == (sum(x > 0 for x in d.values()), sum(x < 0 for x in d.values()))
        best = sorted(d.values(), key=lambda x: -abs(x))[:3]
        assert [abs(row["difference"]) for row in report["largest"]] == [abs(x) for x in best]
        assert all(row["b"] == b[row["id"]] and row["a"] == a[row["id"]] for row in report["largest"])
    small, large = sorted([graded["p"], right["p"]])
    assert sorted([graded["p_holm"], right["p_holm"]]) == pytest.approx([min(1, 2 * small), max(min(1, 2 * small), large)])
    table = compare(lode, *two)
    assert "Graded" in table and "OnlyHere" not in table and "Right, largest differences" in table
    one = compare(lode, two[0] / "Right.json", two[1] / "Right.items.jsonl")
    assert "McNemar" in one and "Graded" not in one


def test_the_chart_is_a_picture_of_both(lode, two, tmp_path):
    file = tmp_path / "chart.svg"
    compare(lode, *two, "--svg", file)
    root = ElementTree.parse(file).getroot()
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "path" in tags and not tags & {"script", "image", "a", "foreignObject"}
    assert not [name for element in root.iter() for name in element.attrib if name.startswith("on") or "href" in name]
    texts = " ".join("".join(element.itertext()) for element in root.iter() if element.tag.endswith("text"))
    assert "A one/<b> & \"c\"" in texts and "B two" in texts and "Graded" in texts and "Right" in texts
    assert "prefers-color-scheme: dark" in file.read_text()


def test_what_does_not_belong_together_is_refused(lode, tmp_path):
    columns = {"m": [0.5, 0.25, 1.0]}
    good = keep(tmp_path / "good", "T", columns)
    for says, other, args, code in [
            ("other contents", keep(tmp_path / "data", "T", columns, data=("f", "1" * 64)), [], 1),
            ("did not", keep(tmp_path / "file", "T", columns, data=("g", "0" * 64)), [], 1),
            ("only in the second (x)", keep(tmp_path / "items", "T", columns, ids=["q0", "q1", "x"]), [], 1),
            ("twice", keep(tmp_path / "twice", "T", columns, ids=["q0", "q1", "q1"]), [], 1),
            ("no m of", keep(tmp_path / "null", "T", {"m": [None, 0.25, 1.0]}), [], 1),
            ("number or null", keep(tmp_path / "text", "T", {"m": ["x", 0.25, 1.0]}), [], 1),
            ("It has m", keep(tmp_path / "same", "T", columns), ["--measure", "ndcg"], 2),
            ("has no result of U", tmp_path / "same", ["--task", "U"], 1),
            ("no task in common", keep(tmp_path / "name", "U", columns), [], 1)]:
        assert says in (error := compare(lode, good, other, *args, code=code)), (says, error)
        assert error.count("\n") == 1, error
    changed = keep(tmp_path / "changed", "T", columns)
    with open(changed / "T.items.jsonl", "a") as file:
        file.write('{"id": "q9", "m": 1}\n')
    assert "SHA-256" in compare(lode, good, changed, code=1)
    keep(tmp_path / "changed/again", "T", columns)
    assert "two results of T" in compare(lode, good, changed, code=2)
    (tmp_path / "empty").mkdir()
    assert "no results" in compare(lode, good, tmp_path / "empty", code=1)
    (tmp_path / "empty/T.json").write_text("{")
    assert "T.json" in compare(lode, good, tmp_path / "empty", code=1)


def test_both_commands_have_their_own_help(lode):
    whole, part = lode_eval(lode, "--help"), compare(lode, "--help")
    assert "--data" in whole and "--svg" not in whole
    assert "lode eval compare" in part and "--svg" in part and "--data" not in part
    assert "lode eval compare --help" in compare(lode, "--svg", code=2)
    assert "unexpected argument" in compare(lode, "a", "b", "c", code=2)


def test_stand_ins_are_marked_in_the_table(lode, default_model, shared):
    table = lode_eval(lode, "SICK-R", "STSBenchmark", "--data", shared / "data", "--quiet")
    assert "SICK-R*" in table and "STSBenchmark " in table and "* SICK-R is a stand-in: SICK's trial split" in table
    assert "mean of 2 of 56 tasks" in table
