"""Several models in one `lode serve`: names and aliases, each one's vectors, and that a bulk request for one does not stand in
the way of the other."""
import json
import threading
import time

import pytest

from serving import as_bytes, serving, vectors

pytestmark = pytest.mark.alone
TEXTS = ["one text", "", "naïve café, 東京", "word " * 60]


@pytest.fixture(scope="module")
def tiny(checkpoint):
    return checkpoint("nv-embed", "tiny")


@pytest.fixture(scope="module")
def served(lode, default_model, tiny):
    with serving(lode, "--model", default_model, "--model", tiny, "--alias", f"small={default_model}", "--alias", f"acme/tiny={tiny}") as server:
        yield server
        assert server.stop() == 0


def test_each_name_answers_with_its_models_vectors(served, run, default_model, tiny, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    ids = [row["id"] for row in served.ask("GET", "/v1/models")[2]["data"]]
    assert ids[2:] == ["small", "acme/tiny"] and len(set(ids)) == 4
    together = {}

    def ask(name):
        together[name] = served.embed(input=TEXTS, model=name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in [*ids, None, "TINY"]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for folder, names in [(default_model, [ids[0], "small", None]), (tiny, [ids[1], "acme/tiny", "TINY"])]:
        lines = run("embed", rows, "--model", folder, "--quiet").stdout.splitlines()
        expected = [as_bytes(json.loads(line)["embedding"]) for line in lines]
        for name in names:
            assert vectors(together[name]) == expected and together[name]["model"] == ids[ids.index(names[0])], name


def test_an_unknown_model_is_told_what_there_is(served):
    status, _, reply = served.ask("POST", "/v1/embeddings", {"input": "a", "model": "text-embedding-3-large"})
    assert status == 404 and reply["error"]["code"] == "model_not_found" and reply["error"]["param"] == "model"
    for row in served.ask("GET", "/v1/models")[2]["data"]:
        assert row["id"] in reply["message"]


def test_bulk_for_one_does_not_stand_in_the_way_of_the_other(served):
    bulk = {}

    def load():
        bulk["vectors"] = len(served.embed(input=[f"{i} " + "word " * 200 for i in range(60)], model="small")["data"])
        bulk["ended"] = time.monotonic()

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(0.3)  # to be accepted
    took, connection = [], served.connect()
    while thread.is_alive() and len(took) < 20:
        asked = time.monotonic()
        served.embed(connection, input="a", model="acme/tiny")
        took.append(time.monotonic() - asked)
    answered = time.monotonic()
    thread.join()
    print(f"{len(took)} single requests beside the bulk: at most {max(took):.2f} s")
    assert bulk["vectors"] == 60 and len(took) >= 3
    assert answered < bulk["ended"] or max(took) < 3
