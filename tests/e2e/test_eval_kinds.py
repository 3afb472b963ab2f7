"""`lode eval`'s registry and kinds on small sets of one's own: groups, subsets, MTEB's rules of either version, every layout, refusals."""
import json

import pytest
from evaluating import evaluate, reports, write_rows


def write(path, *rows):
    write_rows(path, rows)


def beir(folder, corpus, queries, qrels):
    write(folder / "corpus.jsonl", *({"_id": name, **document} for name, document in corpus.items()))
    write(folder / "queries.jsonl", *({"_id": name, "text": text} for name, text in queries.items()))
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{level}\n" for q, d, level in qrels))


def test_the_registry_has_mteb_and_coir(lode, tmp_path):
    done = evaluate(lode, "--list", "--json")
    tasks = {row["task"]: row for row in map(json.loads, done.stdout.splitlines())}
    mteb = [row for row in tasks.values() if row["benchmark"] == "mteb-v1"]
    assert len(mteb) == 56 and sum(row["benchmark"] == "coir" for row in tasks.values()) == 10
    # The card's means by kind, from the rows' published scores.
    for kind, mean in [("retrieval", 59.36), ("classification", 87.35), ("clustering", 52.80), ("pair-classification", 86.91), ("sts", 82.84),
                       ("reranking", 60.54), ("summarization", 31.20)]:
        published = [row["published"] for row in mteb if row["kind"] == kind]
        assert abs(sum(published) / len(published) - mean) < 0.006, kind
    assert abs(sum(row["published"] for row in mteb) / 56 - 69.32) < 0.006
    write(tmp_path / "scifact/corpus.jsonl", {})
    listed = evaluate(lode, "--list", "retrieval", "--data", tmp_path).stdout
    assert any(line.startswith("SciFact") and line.rstrip().endswith("scifact") for line in listed.splitlines())
    assert any(line.startswith("ArguAna") and line.rstrip().endswith("absent") for line in listed.splitlines())


def test_instructions_are_those_that_are_published_with_the_weights(lode, shared):
    published = json.loads((shared / "golden/published/nv-embed-v2.instructions.json").read_text())
    tasks = {row["task"]: row for row in map(json.loads, evaluate(lode, "--list", "mteb-v1", "--json").stdout.splitlines())}
    for name, sides in published.items():
        wanted = sides.get("query") or sides.get("text")
        rows = [row for row in tasks.values() if row["kind"] == {"STS": "sts", "SUMM": "summarization"}.get(name)] or [tasks[name]]
        assert all(row["instruction"] == wanted and row["instruction_from"] == "published" for row in rows), name


def test_a_document_of_the_querys_own_id_counts_by_the_rules(lode, tmp_path):
    corpus = {"q1": {"text": "the red fox jumps"}, "d2": {"text": "a red fox"}, "d3": {"text": "blue whales"}}
    for task, second in [("SciFact", 0.6309297535714575), ("ArguAna", 1.0)]:
        beir(tmp_path / task, corpus, {"q1": "the red fox jumps"}, [("q1", "d2", 1)])
        first, = reports(lode, task, "--model", "bm25", "--data", tmp_path)
        later, = reports(lode, task, "--model", "bm25", "--data", tmp_path, "--rules", "v2")
        assert first["main_score"] == 1.0 and abs(later["main_score"] - second) < 1e-12


def test_titles_are_read_but_by_coir(lode, tmp_path):
    corpus = {"d1": {"title": "zebra", "text": "stripes"}, "d2": {"title": "", "text": "horse"}}
    for task in ["SciFact", "CosQA"]:
        beir(tmp_path / task, corpus, {"q1": "zebra"}, [("q1", "d1", 1)])
    for args, expected in [([], [1, 0]), (["--titles", "on"], [1, 1]), (["--titles", "off"], [0, 0])]:
        found = reports(lode, "SciFact", "CosQA", "--model", "bm25", "--data", tmp_path, *args)
        assert [report["main_score"] for report in found] == expected


def test_subsets_are_averaged_and_all_must_be_there(lode, tmp_path):
    languages = ["go", "java", "javascript", "php", "python", "ruby"]
    for i, language in enumerate(languages):
        found = "d1" if i < 3 else "d2"
        beir(tmp_path / "CodeSearchNet" / language, {"d1": {"text": "alpha"}, "d2": {"text": "beta"}}, {"q1": "alpha"}, [("q1", found, 1)])
    report, = reports(lode, "COIRCodeSearchNetRetrieval", "--model", "bm25", "--data", tmp_path, "--out", tmp_path / "out")
    assert report["main_score"] == 0.5
    (tmp_path / "CodeSearchNet/ruby").rename(tmp_path / "elsewhere")
    refused = evaluate(lode, "codesearchnet", "--model", "bm25", "--data", tmp_path)
    assert refused.returncode == 1 and "ruby" in refused.stderr


def test_a_group_takes_what_is_there_and_a_task_must_be_there(lode, tmp_path):
    beir(tmp_path / "SciFact", {"d1": {"text": "alpha"}}, {"q1": "alpha"}, [("q1", "d1", 1)])
    done = evaluate(lode, "retrieval", "SciFact", "--model", "bm25", "--data", tmp_path, "--json")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1 and "ArguAna" in done.stderr
    for args, says in [(["ArguAna"], "ArguAna"), (["coir"], "coir")]:
        refused = evaluate(lode, *args, "--model", "bm25", "--data", tmp_path)
        assert refused.returncode == 1 and says in refused.stderr and not refused.stdout


CAT, STOCKS, BREAD = "A cat sleeps on the sofa.", "The stock market fell sharply.", "Bread is baked in an oven."


def test_reranking_by_rows_and_by_top_ranked(lode, default_model, tmp_path):
    rows = [{"query": "a sleeping kitten", "positive": [CAT], "negative": [STOCKS, BREAD]},
            {"query": ["shares lose value", "baking a loaf"], "positive": [STOCKS], "negative": [CAT, BREAD]},  # the second form likes bread
            {"query": "nothing is right", "positive": [], "negative": [CAT]}]
    write(tmp_path / "AskUbuntuDupQuestions/test.jsonl", *rows[:1], rows[2])
    write(tmp_path / "MindSmallReranking/test.jsonl", *rows)
    plain, forms = reports(lode, "AskUbuntuDupQuestions", "MindSmallReranking", "--data", tmp_path)
    assert plain["main_score"] == 1.0 and plain["scores"]["mrr"] == 1.0
    assert forms["main_score"] in (0.75, 1.0)
    later, = reports(lode, "MindSmallReranking", "--data", tmp_path, "--rules", "v2")
    assert later["scores"]["max_over_subqueries_map_at_1000"] == forms["main_score"]
    # Equal scores: version 1 lets candidates in together, trec_eval puts the greater id, the wrong one, first.
    write(tmp_path / "SciDocsRR/test.jsonl", {"query": "cats", "positive": [CAT, CAT], "negative": [CAT]})
    by_rules = [reports(lode, "SciDocsRR", "--data", tmp_path, "--rules", rules)[0]["main_score"] for rules in ("v1", "v2")]
    assert by_rules == pytest.approx([2 / 3, (1 / 2 + 2 / 3) / 2])
    beir(tmp_path / "StackOverflowDupQuestions", {"a": {"text": CAT}, "b": {"text": STOCKS}, "c": {"text": "A kitten sleeps."}},
         {"q1": "a sleeping cat"}, [("q1", "a", 1)])
    write(tmp_path / "StackOverflowDupQuestions/top_ranked.jsonl", {"query-id": "q1", "corpus-ids": ["a", "b"]})
    assert reports(lode, "StackOverflowDupQuestions", "--data", tmp_path)[0]["main_score"] == 1.0
    write(tmp_path / "StackOverflowDupQuestions/top_ranked.jsonl", {"query-id": "q1", "corpus-ids": ["a", "nowhere"]})
    refused = evaluate(lode, "StackOverflowDupQuestions", "--data", tmp_path)
    assert refused.returncode == 1 and "nowhere" in refused.stderr


def test_pairs_in_one_row_and_in_many_score_alike(lode, default_model, tmp_path):
    pairs = [(CAT, "A cat is sleeping on a couch.", 1), (CAT, STOCKS, 0), (BREAD, "One bakes bread in ovens.", 1), (STOCKS, BREAD, 0)]
    write(tmp_path / "TwitterURLCorpus/test.jsonl", *({"sentence1": a, "sentence2": b, "labels": label} for a, b, label in pairs))
    first, second, labels = map(list, zip(*pairs))
    write(tmp_path / "SprintDuplicateQuestions/test.jsonl", {"sent1": first, "sent2": second, "labels": labels})
    many, one = reports(lode, "TwitterURLCorpus", "SprintDuplicateQuestions", "--data", tmp_path)
    assert many["scores"] == one["scores"] and many["main_score"] == 1.0 and many["scores"]["max_accuracy"] == 1.0
    for row, says in [({"sentence1": "a", "sentence2": "b", "labels": 2}, "2"), ({"sentence1": ["a"], "sentence2": ["b", "c"], "labels": [1]}, "as many"),
                      ({"sentence1": "a", "sentence2": "b", "labels": 1}, "not all")]:
        write(tmp_path / "TwitterURLCorpus/test.jsonl", row)
        refused = evaluate(lode, "TwitterURLCorpus", "--data", tmp_path)
        assert refused.returncode == 1 and says in refused.stderr, refused.stderr


def test_summaries_by_either_rule(lode, default_model, tmp_path):
    text = {"human_summaries": [CAT], "machine_summaries": [CAT, "A cat rests.", STOCKS], "relevance": [5, 4, 1]}
    equal = {**text, "relevance": [3, 3, 3]}
    write(tmp_path / "SummEval/test.jsonl", text, equal)
    first, = reports(lode, "SummEval", "--data", tmp_path)
    later, = reports(lode, "SummEval", "--data", tmp_path, "--rules", "v2")
    # One text counts, ranked as people do: the correlation is 1 and its p-value 0.
    assert later["main_score"] == pytest.approx(1.0) and first["main_score"] == pytest.approx(0.5)
    write(tmp_path / "SummEval/test.jsonl", {**text, "relevance": [1]})
    refused = evaluate(lode, "SummEval", "--data", tmp_path)
    assert refused.returncode == 1 and "marks" in refused.stderr


def test_pairs_of_text_and_code_are_retrieval(lode, tmp_path):
    write(tmp_path / "conala/test.jsonl", {"query": "sort numbers", "code": "sort(numbers)"}, {"query": "open file", "code": "open(file)"})
    write(tmp_path / "conala/train.jsonl", {"query": "x", "code": "sort(words)"}, {"query": "y", "code": "sort(numbers)"})
    report, = reports(lode, "CoNaLa", "--model", "bm25", "--data", tmp_path)
    assert report["main_score"] == 1.0 and "CoIR" in report["stand_in"]
