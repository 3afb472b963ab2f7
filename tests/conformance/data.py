"""Data sets in MTEB's layouts and under MTEB's names, cut from the shared ones: data.py SHARED_DATA OUT [full]. Where another set
stands in for the one of that name it does so for both sides of the comparison, which is of harnesses, not of models."""
import gzip
import json
import sys
from pathlib import Path


def rows(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write(path, items):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), encoding="utf-8")


def retrieval(folder, corpus, queries, n_queries, n_others):
    """A BEIR folder: the first queries, their documents, and some of the others."""
    queries = queries[:n_queries]
    positives = {str(doc) for query in queries for doc in query["positives"]}
    others = [doc for doc in corpus if str(doc["id"]) not in positives][:n_others]
    kept = [doc for doc in corpus if str(doc["id"]) in positives] + others
    write(folder / "corpus.jsonl", ({"_id": str(d["id"]), "title": d.get("title", ""), "text": d["text"]} for d in kept))
    write(folder / "queries.jsonl", ({"_id": str(q["id"]), "text": q["query"]} for q in queries))
    (folder / "qrels").mkdir(exist_ok=True)
    lines = [f"{q['id']}\t{doc}\t1" for q in queries for doc in q["positives"]]
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(lines) + "\n")


def main(shared, out, full):
    def of(whole, part):
        return whole if full else part

    scifact = [{**row, "positives": row["positive_ids"]} for row in rows(shared / "scifact/test.jsonl.gz")]
    retrieval(out / "SciFact", rows(shared / "scifact/corpus.jsonl.gz"), scifact, of(300, 100), of(5183, 400))
    cosqa = [{**row, "positives": [row["positive_id"]]} for row in rows(shared / "cosqa_retrieval/test.jsonl.gz")]
    retrieval(out / "CosQA", rows(shared / "cosqa_retrieval/corpus.jsonl.gz"), cosqa, of(500, 200), of(6267, 500))
    trecqa = rows(shared / "trecqa_rerank/test.jsonl.gz")
    write(out / "AskUbuntuDupQuestions/test.jsonl",
          ({"query": r["query"], "positive": r["positives"], "negative": r["negatives"]} for r in trecqa))
    stsb = rows(shared / "sts/stsb_test.jsonl.gz")
    pairs = stsb[:of(1379, 500)]
    write(out / "STSBenchmark/test.jsonl", ({"sentence1": r["s1"], "sentence2": r["s2"], "score": r["score"]} for r in pairs))
    sick = rows(shared / "sts/sickr_trial.jsonl.gz")
    write(out / "SprintDuplicateQuestions/test.jsonl", [{"sent1": [r["s1"] for r in sick], "sent2": [r["s2"] for r in sick],
                                                         "labels": [int(r["entailment"] == "ENTAILMENT") for r in sick]}])
    # There is no set of summaries: sentences for summaries, STS-B's scores for marks. One text's marks are all equal.
    texts = [{"text": r[0]["s1"], "human_summaries": [r[0]["s1"], r[1]["s1"]], "machine_summaries": [x["s2"] for x in r],
              "relevance": [x["score"] for x in r]} for r in (stsb[i:i + 8] for i in range(0, 320, 8))]
    texts[3]["relevance"] = [2.0] * 8
    write(out / "SummEval/test.jsonl", texts)
    for split, n in (("train", of(10003, 10003)), ("test", of(3080, 1000))):
        write(out / f"Banking77Classification/{split}.jsonl", rows(shared / f"cls_banking77/{split}.jsonl.gz")[:n])
    titles = rows(shared / "clu_stackoverflow/titles.jsonl.gz")[::of(1, 10)]
    sets = [titles[i::4] for i in range(4)]
    write(out / "StackExchangeClustering/test.jsonl",
          ({"sentences": [r["text"] for r in s], "labels": [str(r["label"]) for r in s]} for s in sets))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "full" in sys.argv[3:])
