"""Data in: data sets by their path, TREC runs and judgements of others, Parquet exports. pytrec_eval is the oracle."""
import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
import pytrec_eval
from evaluating import evaluate, lines, reports

TOOL = Path(__file__).parents[2] / "tools/parquet_to_jsonl.py"


def report(lode, *args):
    one, = reports(lode, *args)
    return one


CORPUS = [{"_id": "d1", "title": "", "text": "Cats are small animals"}, {"_id": "d2", "title": "Stocks", "text": "The market fell"},
          {"_id": "d3", "title": "", "text": "A kernel panics"}]
QUERIES = [{"_id": "q1", "text": "small cats"}, {"_id": "q2", "text": "a market of stocks"}]
QRELS = [("q1", "d1", 2), ("q2", "d2", 1)]


@pytest.fixture
def beir(tmp_path):
    folder = tmp_path / "pets-and-stocks"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(lines(CORPUS))
    (folder / "queries.jsonl").write_text(lines(QUERIES))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join("\t".join(map(str, row)) + "\n" for row in QRELS))
    return folder


def test_a_folder_is_a_task_by_its_path_in_every_layout(lode, beir):
    def is_read():
        found = report(lode, beir, "--model", "bm25")
        assert found["task"] == "pets-and-stocks" and found["main_score_name"] == "ndcg_at_10"
        assert found["main_score"] == 1.0

    is_read()
    (beir / "qrels/test.tsv").write_text("".join(f"{q} 0 {d} {level}\n" for q, d, level in QRELS))  # TREC's four columns
    is_read()
    (beir / "qrels/test.tsv").unlink()
    (beir / "qrels/test.jsonl").write_text(lines({"query-id": q, "corpus-id": d, "score": level} for q, d, level in QRELS))
    is_read()
    for name in "corpus", "queries":  # parts
        rows = (beir / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (beir / f"{name}.jsonl").unlink()
        (beir / name).mkdir()
        (beir / name / "part-0.jsonl").write_text(rows[0])
        (beir / name / "part-1.jsonl.gz").write_bytes(gzip.compress("".join(rows[1:]).encode()))
    is_read()
    (beir / "qrels/test.jsonl").rename(beir / "qrels/dev.jsonl")  # the only split
    is_read()
    (beir / "qrels/train.jsonl").write_text((beir / "qrels/dev.jsonl").read_text())
    refused = evaluate(lode, beir, "--model", "bm25")
    assert refused.returncode == 2 and "dev, train" in refused.stderr


def test_scored_pairs_are_sts_by_their_path(lode, default_model, tmp_path):
    pairs = [{"sentence1": "a cat", "sentence2": "a cat", "score": 5}, {"sentence1": "a cat", "sentence2": "a kitten", "score": 4},
             {"sentence1": "a cat", "sentence2": "the stock market fell", "score": 0}]
    (tmp_path / "pairs.jsonl").write_text(lines(pairs))
    assert report(lode, tmp_path / "pairs.jsonl")["main_score"] == pytest.approx(1)
    assert report(lode, tmp_path)["kind"] == "sts"


def test_a_run_of_others_is_scored_as_pytrec_eval_scores_it(lode, beir, tmp_path):
    rng = random.Random(7)
    run = {q: {d: rng.choice([0.25, 0.5, 1.5]) for d in ("d1", "d2", "d3")} for q in ("q1", "q2")}
    file = tmp_path / "theirs.trec"
    # Ranks that lie: only scores and ids count.
    file.write_text("".join(f"{q}\tQ0 {d} 1 {score} other\n" for q, hits in run.items() for d, score in hits.items()))
    qrels = {q: {d: level} for q, d, level in QRELS}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map_cut.100"}).evaluate(run)
    found = report(lode, beir, "--run", file)
    assert found["model"] == "theirs.trec"
    for ours, name in ("ndcg_at_10", "ndcg_cut_10"), ("map_at_100", "map_cut_100"):
        assert found["scores"][ours] == pytest.approx(sum(query[name] for query in theirs.values()) / 2, abs=1e-9)
    file.write_text("q2 Q0 d2 1 3.5 other\n")
    assert report(lode, beir, "--run", file)["main_score"] == 0.5, "a query that the run lacks counts as 0"


def test_ids_with_spaces_are_kept_as_a_run_of_six_fields_that_reads_back(lode, tmp_path):
    data, out = tmp_path / "spaced ids", tmp_path / "out"
    (data / "qrels").mkdir(parents=True)
    (data / "corpus.jsonl").write_text(lines({**row, "_id": f"the {row['_id']}"} for row in CORPUS))
    (data / "queries.jsonl").write_text(lines({**row, "_id": f"query {row['_id']}"} for row in QUERIES))
    (data / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"query {q}\tthe {d}\t{n}\n" for q, d, n in QRELS))
    whole = report(lode, data, "--model", "bm25", "--out", out)
    run, = out.rglob("*.trec")
    with run.open() as file:
        assert pytrec_eval.parse_run(file).keys() == {"query%20q1", "query%20q2"}
    assert {line.split()[2] for line in run.read_text().splitlines()} <= {"the%20d1", "the%20d2", "the%20d3"}
    again = report(lode, data, "--run", run)
    assert again["scores"] == whole["scores"] and again["main_score"] == 1.0
    found = report(lode, "--qrels", data / "qrels/test.tsv", "--run", run)
    assert found["num_q"] == 2 and found["scores"]["map"] == 1.0


def test_all_of_trec_evals_measures_of_a_run(lode, tmp_path):
    rng = random.Random(11)
    qrels = {f"q{i}": {f"d{rng.randrange(60)}": rng.randrange(-1, 4) for _ in range(20)} for i in range(12)}
    run = {f"q{i}": {f"d{rng.randrange(60)}": float(rng.randrange(8)) for _ in range(40)} for i in range(2, 15)}
    (tmp_path / "qrels").write_text("".join(f"{q} 0 {d} {level}\n" for q, judged in qrels.items() for d, level in judged.items()))
    (tmp_path / "run").write_text("".join(f"{q} Q0 {d} 0 {score} them\n" for q, hits in run.items() for d, score in hits.items()))
    theirs = pytrec_eval.RelevanceEvaluator(qrels, pytrec_eval.supported_measures).evaluate(run)
    found = report(lode, "--qrels", tmp_path / "qrels", "--run", tmp_path / "run")
    assert found["num_q"] == len(theirs) == 10 and found["run"] == "them"
    assert len(found["scores"]) > 60
    for name, value in found["scores"].items():
        expected = pytrec_eval.compute_aggregated_measure(name, [query[name] for query in theirs.values()])
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-9), name
    table = evaluate(lode, "--qrels", tmp_path / "qrels", "--run", tmp_path / "run").stdout
    assert f"map                    all {found['scores']['map']:.4f}\n" in table


def test_what_is_wrong_with_a_run_or_a_path_is_named(lode, beir, tmp_path):
    run = tmp_path / "run"
    for text, says in [("q1 Q0 d1 1 0.5\n", "run:1: \"query Q0 document rank score tag\""), ("q1 Q0 d1 1 x t\n", "run:1:"),
                       ("q1 Q0 d1 1 nan t\n", "run:1:"), ("q1 Q0 d1 1 1 t\n\nq1 Q0 d1 2 0 t\n", "run:3: the query q1 has the document d1 twice"),
                       ("", "empty"), ("elsewhere Q0 d1 1 1 t\n", "none of the 2 queries")]:
        run.write_text(text)
        done = evaluate(lode, beir, "--run", run)
        assert done.returncode == 1 and says in done.stderr, (text, done.stderr)
    run.write_text("q1 Q0 d1 1 1 t\n")
    (tmp_path / "qrels").write_text("q9 0 d1 1\n")
    empty = tmp_path / "empty"
    empty.mkdir()
    for args, says in [(["--run", run], "no TASK"), (["--qrels", run], "--run"), ([beir, beir, "--run", run], "two tasks"),
                       (["--qrels", tmp_path / "qrels", "--run", run], "no query in common"), ([empty, "--model", "bm25"], "no known layout"),
                       (["SciFact", "--model", "bm25"], "--data"), (["./nowhere", "--model", "bm25"], "nowhere")]:
        done = evaluate(lode, *args)
        assert done.returncode in (1, 2) and says in done.stderr, (args, done.stderr)


@pytest.mark.parametrize("layout", ["mteb", "coir"])
def test_parquet_exports_become_what_is_read(lode, tmp_path, layout):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    def write(path, rows):
        path.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)

    export = tmp_path / "export"
    names = ("query-id", "corpus-id") if layout == "mteb" else ("query_id", "corpus_id")
    qrels = [{names[0]: q, names[1]: d, "score": float(level)} for q, d, level in QRELS]
    if layout == "mteb":
        write(export / "corpus/corpus-00000-of-00002.parquet", CORPUS[:2])
        write(export / "corpus/corpus-00001-of-00002.parquet", CORPUS[2:])
        write(export / "queries/queries-00000-of-00001.parquet", QUERIES)
        write(export / "qrels/test-00000-of-00001.parquet", qrels)
    else:
        write(export / "data/corpus-00000-of-00001.parquet", CORPUS)
        write(export / "data/queries-00000-of-00001.parquet", QUERIES)
        write(export / "default/test-00000-of-00001.parquet", qrels)
    subprocess.run([sys.executable, TOOL, export, tmp_path / "task"], check=True, capture_output=True)
    assert [json.loads(line) for line in (tmp_path / "task/corpus.jsonl").read_text().splitlines()] == CORPUS
    assert report(lode, tmp_path / "task", "--model", "bm25")["main_score"] == 1.0
    again = subprocess.run([sys.executable, TOOL, export, tmp_path / "task"], capture_output=True, text=True)
    assert again.returncode == 1 and "not empty" in again.stderr
