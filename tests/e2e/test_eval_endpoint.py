"""`lode eval --endpoint`: a server of this project gives the bits that the model gives itself; other people's servers are busy,
drop connections, answer in any order and take less, and the scores are those of a calm one."""
import json
import os
import subprocess

import pytest
from stand_in_embeddings import Drop, Half, StandInEmbeddings, Status

QUERIES = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "SciFact"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": f"d{i}", "title": "", "text": f"document {i} " + "é and more " * (i % 23)} for i in range(100)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    queries = [{"_id": f"q{i}", "text": f"question {i}"} for i in range(QUERIES)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"q{i}\td{i}\t1\n" for i in range(QUERIES)))
    return folder.parent


@pytest.fixture
def evaluate(lode, data, tmp_path):
    """evaluate(*args) -> (the scores, the ranking's bytes, what stderr says)."""

    def run(*args, ok=True, cache=False):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        env = {name: value for name, value in os.environ.items() if name != "LODE_NO_CACHE"}
        command = [lode, "eval", "SciFact", "--data", data, "--json", "--out", out, *args]
        command += ["--cache", tmp_path / "cache"] if cache else ["--no-cache"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, env=env, stdin=subprocess.DEVNULL)
        if not ok:
            assert done.returncode == 1, done.stderr
            return done.stderr
        assert done.returncode == 0, done.stderr
        run_file, = out.rglob("*.trec")
        return json.loads(done.stdout)["scores"], run_file.read_bytes(), done.stderr

    return run


@pytest.fixture
def calm(evaluate):
    with StandInEmbeddings() as server:
        return evaluate("--endpoint", server.url)[:2]


def test_a_server_of_ours_gives_the_bits_of_the_model_itself(evaluate, server):
    assert evaluate("--endpoint", server)[:2] == evaluate()[:2]


def test_a_busy_server_that_drops_connections_gives_the_same_scores(evaluate, calm):
    with StandInEmbeddings() as server:
        server.plan(Status(429, {"Retry-After": "1"}), Status(500), Drop(), Half(), Status(503), Drop(), Status(429))
        assert evaluate("--endpoint", server.url + "/v1/", "--batch", 7, "--concurrency", 3)[:2] == calm
        sizes = [len(body["input"]) for body in server.requests]
        assert max(sizes) == 7 and sum(sizes) > QUERIES + 100 + 1
        assert {body["model"] for body in server.requests} == {"stand-in"}


def test_requests_go_out_at_the_same_time(evaluate, calm):
    with StandInEmbeddings(seconds=0.1) as server:
        assert evaluate("--endpoint", server.url, "--batch", 4, "--concurrency", 5)[:2] == calm
        assert server.most_at_once == 5


def test_limits_on_lists_do_not_matter(evaluate, calm):
    with StandInEmbeddings(most_texts=3) as server:
        assert evaluate("--endpoint", server.url, "--batch", 16)[:2] == calm


def test_lists_of_numbers_are_read_like_base64(evaluate, calm):
    with StandInEmbeddings(floats=True) as server:
        assert evaluate("--endpoint", server.url)[:2] == calm


def test_a_server_that_takes_less_is_asked_for_less_with_a_note(evaluate):
    plain = {"model", "input", "encoding_format", "user", "dimensions"}
    with StandInEmbeddings(known=plain) as server:
        scores, _, notes = evaluate("--endpoint", server.url)
        assert "no input_type" in notes and "no truncate" in notes
        assert all(set(body) <= plain for body in server.requests[4:])
        refused = evaluate("--endpoint", server.url, "--input-type", "on", ok=False)
        assert "Unrecognized" in refused
        evaluate("--endpoint", server.url, "--input-type", "off")
    with StandInEmbeddings() as server:
        assert evaluate("--endpoint", server.url, "--input-type", "off")[0] == scores


def test_prefixes_and_the_task_go_out(evaluate):
    with StandInEmbeddings() as server:
        evaluate("--endpoint", server.url, "--query-prefix", "Instruct: {task}\nQuery: ", "--passage-prefix", "passage: ",
                 "--send-task", "--model", "a model")
        sent = {body["input_type"]: body for body in server.requests[1:]}
        assert sent["query"]["input"][0].startswith("Instruct: Given a scientific claim") and "\nQuery: question" in sent["query"]["input"][0]
        assert sent["query"]["task"].startswith("Given a scientific claim") and "task" not in sent["passage"]
        assert sent["passage"]["input"][0].startswith("passage: document") and sent["passage"]["model"] == "a model"


def test_what_is_refused_is_said(lode, data, evaluate, monkeypatch):
    with StandInEmbeddings(key="secret", most_chars=200) as server:
        said = evaluate("--endpoint", server.url, ok=False)
        assert "Incorrect API key" in said and "LODE_ENDPOINT_KEY" in said
        monkeypatch.setenv("LODE_ENDPOINT_KEY", "secret")
        said = evaluate("--endpoint", server.url, ok=False)
        assert "maximum context length" in said and "document " in said
    for address in "http://user:word@127.0.0.1:9", "http://127.0.0.1:9/v1?version=1":
        done = subprocess.run([lode, "eval", "SciFact", "--data", data, "--endpoint", address], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "without user" in done.stderr and "word" not in done.stderr
    said = evaluate("--endpoint", server.url, ok=False)  # is gone
    assert "127.0.0.1" in said
    with StandInEmbeddings() as server:
        server.plan(*[Status(500)] * 20)
        assert "as planned" in evaluate("--endpoint", server.url, "--retries", "1", ok=False)


def test_vectors_of_a_server_are_kept_too(evaluate, calm):
    with StandInEmbeddings() as server:
        assert evaluate("--endpoint", server.url, cache=True)[:2] == calm
        n_requests = len(server.requests)
        scores, run, notes = evaluate("--endpoint", server.url, cache=True)
        assert (scores, run) == calm and len(server.requests) == n_requests + 1 and ", 0 encoded" in notes
        # Queries and passages of one text are two texts, and another model is another.
        assert "112 encoded" in evaluate("--endpoint", server.url, "--model", "other", cache=True)[2]
