"""mteb on local data: harness.py URL DATA CACHE TASK...: prints {task: {score: value}} by `lode eval`'s names. Version 2, or 1 where
the folder of version 1 is on PYTHONPATH. Vectors come from the server at URL; those that were asked for once stand in CACHE."""
import base64
import hashlib
import json
import os
import sys
import urllib.request
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
import logging  # noqa: E402
import warnings  # noqa: E402

warnings.simplefilter("ignore")
import mteb  # noqa: E402
import numpy as np  # noqa: E402
from datasets import Dataset, DatasetDict  # noqa: E402

IS_V1 = not hasattr(mteb, "evaluate")
# Version 2 keeps the old tasks as they were, SummEval's mean of statistic and p-value with them, and has the later rules under names
# of their own.
LATER = {"SummEval": "SummEvalSummarization.v2", "StackExchangeClustering": "StackExchangeClustering.v2"}


class Endpoint:
    """Texts to vectors through the API."""

    def __init__(self, url, cache):
        self.url, self.cache = url, Path(cache)
        self.vectors = dict(np.load(self.cache)) if self.cache.exists() else {}

    def vectors_of(self, texts):
        keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = sorted({key: text for key, text in zip(keys, texts) if key not in self.vectors}.items(), key=lambda x: len(x[1]))
        for begin in range(0, len(missing), 64):
            batch = missing[begin:begin + 64]
            body = {"model": "all-minilm-l6-v2", "input": [text for _, text in batch], "truncate": "END", "encoding_format": "base64"}
            request = urllib.request.Request(self.url + "/v1/embeddings", json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=600) as reply:
                answer = json.load(reply)
            for (key, _), item in zip(batch, answer["data"], strict=True):
                self.vectors[key] = np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4")
        return np.stack([self.vectors[key] for key in keys])

    def keep(self):
        np.savez(self.cache, **self.vectors)


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def beir(folder):
    """-> corpus, queries, judgements"""
    qrels = {}
    for line in (folder / "qrels/test.tsv").read_text().splitlines()[1:]:
        query, doc, level = line.split("\t")
        qrels.setdefault(query, {})[doc] = int(level)
    return rows(folder / "corpus.jsonl"), rows(folder / "queries.jsonl"), qrels


def load(task, name, data):
    """Puts local data where the task's load_data would put what it downloads."""
    folder = data / name
    if (folder / "corpus.jsonl").exists():
        corpus, queries, qrels = beir(folder)
        if IS_V1:
            task.corpus = {"test": {d["_id"]: {"title": d["title"], "text": d["text"]} for d in corpus}}
            task.queries = {"test": {q["_id"]: q["text"] for q in queries}}
            task.relevant_docs = {"test": qrels}
        else:
            task.dataset = {"default": {"test": {
                "corpus": Dataset.from_list([{"id": d["_id"], "title": d["title"], "text": d["text"]} for d in corpus]),
                "queries": Dataset.from_list([{"id": q["_id"], "text": q["text"]} for q in queries]),
                "relevant_docs": qrels, "top_ranked": None}}}
    else:
        split = {path.stem: Dataset.from_list(rows(path)) for path in folder.glob("*.jsonl")}
        if not IS_V1 and "positive" in split["test"].column_names:
            from mteb.abstasks.text import reranking
            if name not in reranking.OLD_FORMAT_RERANKING_TASKS:
                reranking.OLD_FORMAT_RERANKING_TASKS.append(name)
            task._process_example = reranking.AbsTaskReranking._process_example.__get__(task)
            reranking.AbsTaskReranking.transform_old_dataset_format(task, {"default": DatasetDict(split)})
        else:
            if name == "StackExchangeClustering" and not IS_V1:  # the later task draws from all sets together
                sets = split["test"]
                split["test"] = Dataset.from_dict({column: [x for one in sets[column] for x in one] for column in sets.column_names})
                task.dataset = DatasetDict(split)
            else:
                task.dataset = DatasetDict(split)
                task.dataset_transform()
    task.data_loaded = True


def flat(scores):
    """Version 1's nested names as version 2 and `lode eval` write them."""
    out = {}
    for name, value in scores.items():
        if isinstance(value, dict):
            out.update({f"{name.replace('cos_sim', 'cosine')}_{inner}": v for inner, v in value.items()})
        else:
            out[name] = value
    return {name: float(value) for name, value in out.items() if isinstance(value, (int, float, np.floating))}


def with_v1(endpoint, name, data):
    class Model:
        def encode(self, sentences, **_):
            return endpoint.vectors_of(list(sentences))

    evaluation = mteb.MTEB(tasks=[name], task_langs=["en"])
    task, = [t for t in evaluation.tasks if t.metadata.name == name]
    task = type(task)()  # seeds numpy's global stream, which version 1 draws from
    load(task, name, data)
    return flat(next(iter(task.evaluate(Model(), "test").values())))


def with_v2(endpoint, name, data):
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder

    class Model(AbsEncoder):
        mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "lode/served", "revision": "1"})

        def __init__(self):
            pass

        def encode(self, inputs, **_):
            return endpoint.vectors_of([text for batch in inputs for text in batch["text"]])

    task = mteb.get_task(LATER.get(name, name))
    load(task, name, data)
    return flat(mteb.evaluate(Model(), task, cache=None, co2_tracker=False, show_progress_bar=False).task_results[0].scores["test"][0])


def main(url, data, cache, *tasks):
    logging.disable(logging.WARNING)
    endpoint = Endpoint(url, cache)
    out = {}
    for name in tasks:
        out[name] = (with_v1 if IS_V1 else with_v2)(endpoint, name, Path(data))
        endpoint.keep()
        print(f"mteb {'1' if IS_V1 else '2'}: {name}", file=sys.stderr)
    print(json.dumps(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
