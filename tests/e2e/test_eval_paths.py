"""A data set by its path, of every kind: the same data as a task of the registry's name and as a folder of one's own score alike, to
the last bit; what is ambiguous or incomplete is refused with what was seen and what it lacks."""
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from evaluating import evaluate, reports, write_rows

TOOL = Path(__file__).parents[2] / "tools/parquet_to_jsonl.py"
TOPICS = {"pets": ["cat", "dog", "kitten", "puppy", "hamster", "parrot"], "money": ["stock", "bond", "bank", "loan", "market", "share"],
          "food": ["bread", "soup", "cheese", "apple", "pasta", "rice"], "code": ["compiler", "kernel", "thread", "parser", "socket", "cache"]}
SAYINGS = ["I saw a {} and a {} yesterday.", "Why is the {} not like the {}?", "The {} was better than any {}.", "Tell me about {} or {}."]


def files_of_kinds():
    """{task of the registry: (kind, {file: rows})}; some texts are of another topic than their label says, so no score is 1."""
    rng = random.Random(5)

    def text(topic):
        return rng.choice(SAYINGS).format(*(rng.choice(TOPICS[topic if rng.random() < 0.7 else rng.choice(list(TOPICS))]) for _ in range(2)))

    def labelled(n, names):
        return [dict(zip(names, (text(topic), topic))) for topic in rng.choices(list(TOPICS), k=n)]

    def lists(rows):
        return {name: [row[name] for row in rows] for name in rows[0]}

    def pair():
        first, second = rng.choices(list(TOPICS), k=2) if rng.random() < 0.5 else [rng.choice(list(TOPICS))] * 2
        return {"sentence1": text(first), "sentence2": text(second)}, int(first == second)

    def candidates(topic):
        others = [other for other in TOPICS if other != topic]
        return {"positive": [text(topic) for _ in range(2)], "negative": [text(rng.choice(others)) for _ in range(4)]}

    corpus = [{"_id": f"d{i}", "title": "", **labelled(1, ("text", "topic"))[0]} for i in range(40)]
    queries = [{"_id": f"q{i}", "text": text(topic), "topic": topic} for i, topic in enumerate(TOPICS)]
    judged = [{"query-id": query["_id"], "corpus-id": document["_id"], "score": int(query["topic"] == document["topic"])}
              for query in queries for document in corpus[:30]]
    retrieval = {"corpus": corpus, "queries": queries, "qrels/test": judged}
    ranked = [{"query-id": query["_id"], "corpus-ids": [document["_id"] for document in corpus[:20]]} for query in queries]
    summaries = [{"text": "a long text", "human_summaries": [text(topic) for _ in range(2)],
                  "machine_summaries": [text(rng.choice(list(TOPICS))) for _ in range(6)], "relevance": [float(rng.randrange(1, 6)) for _ in range(6)]}
                 for topic in TOPICS]
    return {
        "ImdbClassification": ("classification", {"train": labelled(60, ("text", "label")), "test": labelled(40, ("text", "label")),
                                                  "validation": labelled(5, ("text", "label"))}),
        "EmotionClassification": ("classification", {"train": labelled(80, ("text", "label_text")),
                                                     "test": labelled(40, ("text", "label_text"))}),
        "TwentyNewsgroupsClustering": ("clustering", {"test": [lists(labelled(100, ("sentences", "labels"))) for _ in range(2)]}),
        "RedditClustering": ("clustering", {"test": labelled(150, ("sentences", "labels"))}),
        "SprintDuplicateQuestions": ("pair-classification", {"test": [lists([{**row, "labels": label} for row, label in (pair() for _ in range(30))])]}),
        "TwitterURLCorpus": ("pair-classification", {"test": [{**row, "labels": label} for row, label in (pair() for _ in range(30))],
                                                     "train": [{**row, "labels": label} for row, label in (pair() for _ in range(3))]}),
        "AskUbuntuDupQuestions": ("reranking", {"test": [{"query": text(topic), **candidates(topic)} for topic in TOPICS]}),
        "StackOverflowDupQuestions": ("reranking", {"test": [{"query": [text(topic), text(topic)], **candidates(topic)} for topic in TOPICS]}),
        "SciDocsRR": ("reranking", {**retrieval, "top_ranked": ranked}),
        "SummEval": ("summarization", {"test": summaries}),
        "STSBenchmark": ("sts", {"test": [{**row, "score": rng.random() + label} for row, label in (pair() for _ in range(30))]}),
        "SciFact": ("retrieval", retrieval),
    }


KINDS = files_of_kinds()
SAMPLED = {"EmotionClassification"}  # its own number of examples a label, 16: by path it is MTEB's usual 8


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """data/TASK for the registry, mine/my-TASK by path."""
    top = tmp_path_factory.mktemp("sets")
    for task, (_, files) in KINDS.items():
        for name, rows in files.items():
            write_rows(top / "data" / task / f"{name}.jsonl", rows)
        shutil.copytree(top / "data" / task, top / "mine" / f"my-{task}")
    return top


@pytest.fixture(scope="module")
def by_name(lode, default_model, folders):
    return {rules: reports(lode, *KINDS, "--data", folders / "data", "--rules", rules) for rules in ("v1", "v2")}


def assert_alike(named, found, kinds, rules):
    for ours, theirs, (task, (kind, _)) in zip(found, named, kinds.items(), strict=True):
        assert ours["task"] == f"my-{task}" and theirs["task"] == task
        assert ours["kind"] == theirs["kind"] == kind
        assert ours["main_score_name"] == theirs["main_score_name"]
        assert 0 < abs(theirs["main_score"]) < 1, (task, "says nothing")
        if task not in SAMPLED:
            assert ours["scores"] == theirs["scores"] and ours["main_score"] == theirs["main_score"], (task, rules)


@pytest.mark.parametrize("rules", ["v1", "v2"])
def test_a_folder_scores_as_the_task_of_the_same_data(lode, folders, by_name, rules):
    mine = [folders / "mine" / f"my-{task}" for task in KINDS]
    assert_alike(by_name[rules], reports(lode, *mine, "--rules", rules), KINDS, rules)


def test_a_file_is_its_split_and_a_row_of_megabytes_is_read(lode, folders, by_name, tmp_path):
    named = {report["task"]: report for report in by_name["v1"]}
    for task in "TwentyNewsgroupsClustering", "SprintDuplicateQuestions", "AskUbuntuDupQuestions", "SummEval", "ImdbClassification":
        file, = reports(lode, folders / "mine" / f"my-{task}" / "test.jsonl")
        assert file["task"] == "test" and file["scores"] == named[task]["scores"], task
    rows, = KINDS["SprintDuplicateQuestions"][1]["test"]
    write_rows(tmp_path / "pairs/test.jsonl", [{"note": "x" * (3 << 20), **rows}])
    assert reports(lode, tmp_path / "pairs")[0]["scores"] == named["SprintDuplicateQuestions"]["scores"]


def test_parquet_exports_of_every_kind_score_alike(lode, by_name, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    kinds = {task: entry for task, entry in KINDS.items() if "corpus" not in entry[1]}
    for task, (_, files) in kinds.items():
        for name, rows in files.items():
            path = tmp_path / "export" / task / f"data/{name}-00000-of-00001.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        subprocess.run([sys.executable, TOOL, tmp_path / "export" / task, tmp_path / f"my-{task}"], check=True, capture_output=True)
    found = reports(lode, *(tmp_path / f"my-{task}" for task in kinds))
    assert_alike([report for report in by_name["v1"] if report["task"] in kinds], found, kinds, "v1")
    refused = evaluate(lode, tmp_path / "export/SummEval")
    assert refused.returncode == 2 and "Parquet" in refused.stderr and "parquet_to_jsonl" in refused.stderr


CLASSES = [{"text": "a", "label": 0}, {"text": "b", "label": 1}]
PAIRS = [{"sentence1": "a", "sentence2": "b", "labels": 1}]
REFUSALS = {
    "only-test": ({"test": CLASSES}, ["test.jsonl", "no train.jsonl"]),
    "only-train": ({"train": CLASSES}, ["train.jsonl", "no test.jsonl"]),
    "other-train": ({"test": CLASSES, "train": [{"text": "a", "class": 1}]}, ["train.jsonl has the columns text, class", "classification lacks label"]),
    "two-splits": ({"train": CLASSES, "dev": CLASSES, "validation": CLASSES}, ["dev, validation and no test"]),
    "broken-test": ({"train": PAIRS, "test": [{"sentence1": "a", "sentence2": "b", "lang": "en"}]},
                    ["test.jsonl has the columns sentence1, sentence2, lang", "pair-classification lacks labels", "sts lacks score"]),
    "bitext": ({"test": [{"sentence1": "a", "sentence2": "b"}]}, ["pair-classification lacks labels", "sts lacks score"]),
    "both": ({"test": [{**PAIRS[0], "score": 1.0}]}, ["sentence1, sentence2, labels, score", "those of pair-classification and of sts"]),
    "null": ({"test": [{"query": "a", "positive": ["a"], "negative": None}]}, ["columns query, positive:", "reranking lacks negative"]),
    "summaries": ({"test": [{"text": "a", "human_summaries": ["a"]}]}, ["summarization lacks machine_summaries and relevance"]),
    "mixed": ({"train": CLASSES, "test": PAIRS}, ["several kinds", "classification (train.jsonl)", "pair-classification (test.jsonl)"]),
    "strange": ({"test": [{"image": 1}]}, ["has the columns image", "no kind of task"]),
    "no-object": ({"test": [[1, 2]]}, ["no JSON object"]),
    "languages": ({"en/test": PAIRS, "de/test": PAIRS}, ["no known layout", "in de, en"]),
    "no-queries": ({"corpus": [{"_id": "d", "text": "a"}]}, ["has corpus.jsonl, but lacks queries.jsonl, judgements"]),
    "no-corpus": ({"queries": [{"_id": "q", "text": "a"}], "qrels/test": [{"query-id": "q", "corpus-id": "d", "score": 1}], "top_ranked": [{}]},
                  ["has queries.jsonl, judgements (qrels/SPLIT.tsv or .jsonl), top_ranked.jsonl, but lacks corpus.jsonl"]),
    "wrong-values": ({"test": [{"sentences": ["a", "b"], "labels": [1]}]}, ["test.jsonl:1", "1 labels for 2 sentences"]),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_ambiguous_or_incomplete_is_refused_with_what_it_lacks(lode, default_model, tmp_path, name):
    files, says = REFUSALS[name]
    for file, rows in files.items():
        write_rows(tmp_path / name / f"{file}.jsonl", rows)
    done = evaluate(lode, tmp_path / name)
    assert done.returncode in (1, 2) and not done.stdout.count("\n") > 1
    for words in says:
        assert words in done.stderr, done.stderr


def test_a_file_that_is_no_set_is_refused(lode, tmp_path):
    write_rows(tmp_path / "test.jsonl", CLASSES)
    (tmp_path / "test.csv").write_text("text,label\n")
    for file, says in [("test.jsonl", "no train.jsonl"), ("test.csv", "is no .jsonl")]:
        refused = evaluate(lode, tmp_path / file)
        assert refused.returncode == 2 and says in refused.stderr
    write_rows(tmp_path / "train.jsonl", PAIRS)
    refused = evaluate(lode, tmp_path / "test.jsonl")
    assert refused.returncode == 2 and "train.jsonl is pair-classification" in refused.stderr
    write_rows(tmp_path / "train.jsonl", CLASSES)
    refused = evaluate(lode, tmp_path / "train.jsonl")
    assert refused.returncode == 2 and "no other file that is to be scored" in refused.stderr
