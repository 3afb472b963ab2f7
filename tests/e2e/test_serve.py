"""`lode serve` as its users meet it: start and what it prints, the wire contract on real sockets, many clients at once, errors
and their statuses, and how it ends. The cards' own clients are in test_cards.py.

LODE_MODEL  a model folder to serve in place of the default model"""
import base64
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from serving import as_bytes, serving, vectors


@pytest.fixture(scope="module")
def model(request):
    return os.environ.get("LODE_MODEL") or request.getfixturevalue("default_model")


@pytest.fixture(scope="module")
def served(lode, model):
    with serving(lode, "--model", model, "--alias", f"acme/Embedder={model}", "--max-body-bytes", 1 << 20) as server:
        yield server
        assert server.stop() == 0


@pytest.fixture(scope="module")
def commands_vectors(run, model, tmp_path_factory):
    """commands_vectors(texts) -> the vectors of `lode embed`, as bytes."""

    def make(texts):
        rows = tmp_path_factory.mktemp("rows") / "texts.jsonl"
        rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        lines = run("embed", rows, "--model", model, "--quiet").stdout.splitlines()
        return [as_bytes(json.loads(line)["embedding"]) for line in lines]

    return make


TEXTS = ["a short text", "", "naïve café, 東京, 😀", "word " * 150, "a\u0000b", "  spaces  ", "line\nline"]


def test_it_says_what_to_paste_and_that_works(served):
    line = next(line.strip() for line in served.log.splitlines() if line.startswith("  curl"))
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert len(json.loads(done.stdout)["data"]) == 1
    assert "acme/Embedder" in served.log
    status, headers, text = served.ask("GET", "/")
    assert status == 200 and line.encode() in text
    assert served.process.stdout.readable() and served.ask("HEAD", "/")[2] == b""


def test_vectors_are_those_of_the_command_bit_for_bit(served, commands_vectors):
    expected = commands_vectors(TEXTS)
    together = served.embed(input=TEXTS)
    assert vectors(together) == expected
    assert vectors(served.embed(input=TEXTS[::-1])) == expected[::-1]
    for text, vector in zip(TEXTS, expected, strict=True):
        assert vectors(served.embed(input=text)) == [vector]
    packed = served.embed(input=TEXTS, encoding_format="base64")
    assert [base64.b64decode(row["embedding"], validate=True) for row in packed["data"]] == expected
    assert together["usage"] == packed["usage"] and together["usage"]["total_tokens"] > 150
    assert together["object"] == "list" and {row["object"] for row in together["data"]} == {"embedding"}


def test_every_name_of_the_model_answers_under_its_id(served):
    status, _, models = served.ask("GET", "/v1/models")
    ids = [m["id"] for m in models["data"]]
    assert status == 200 and ids[1] == "acme/Embedder" and all(m["root"] == m["id"] for m in models["data"])
    bare = ids[0].split("/")[-1]
    for name in [*ids, bare, ids[0].upper(), bare.upper(), "embedder", "EMBEDDER", bare + "-query", ids[0] + "-passage", "", None]:
        assert served.embed(input="a", model=name)["model"] == ids[0]


def test_card_shaped_requests(served, commands_vectors):
    [empty] = commands_vectors([""])
    chat = {"messages": [{"role": "user", "content": ""}], "encoding_format": "float", "truncate": "NONE"}
    status, _, reply = served.ask("POST", "/v1/embeddings", chat, {"Accept": "application/json", "Authorization": "Bearer x"})
    assert status == 200 and vectors(reply) == [empty]
    reply = served.embed(input=[""], encoding_format="float", input_type="", truncate="NONE")
    assert vectors(reply) == [empty]
    reply = served.embed(messages=[{"role": "user", "content": [{"type": "text", "text": "a short"}]},
                                   {"role": "user", "content": " text"}])
    assert vectors(reply) == commands_vectors(["a short text"])


def test_lenient_where_clients_need_it(served):
    expected = vectors(served.embed(input="a"))
    for extra in [{"encoding_format": None}, {"truncate": None, "input_type": None}, {"user": "me", "modality": "text"},
                  {"dimensions": len(expected[0]) // 4}, {"dimensions": None}, {"drop_params": True, "timeout": 600}]:
        assert vectors(served.embed(input="a", **extra)) == expected
    body = json.dumps({"input": "a"})
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"]:
        status, _, reply = served.ask("POST", "/v1/embeddings", body, {"Content-Type": content_type})
        assert status == 200 and vectors(reply) == expected
    for path in ["/embeddings", "/v1/embeddings/", "/v1/embeddings?x=1"]:
        status, _, reply = served.ask("POST", path, body)
        assert status == 200 and vectors(reply) == expected
    assert served.ask("GET", "/health/live")[0] == 200
    status, _, ready = served.ask("GET", "/v1/health/ready/")
    assert (status, ready) == (200, {"object": "health.response", "message": "ready", "ready": True})


def test_element_types_are_fixed_functions_of_the_float_vector(served):
    numpy = pytest.importorskip("numpy")
    x = numpy.array(served.embed(input="a short text")["data"][0]["embedding"], numpy.float32)
    s = 127 * max(1, len(x) ** 0.5 / 8)
    int8 = numpy.clip(numpy.rint(x.astype(float) * s), -127, 127).astype(numpy.int8)
    bits = numpy.packbits(x > 0)
    for kind, expected in [("int8", int8), ("uint8", (int8.astype(int) + 128).astype(numpy.uint8)), ("ubinary", bits),
                           ("binary", (bits.astype(int) - 128).astype(numpy.int8))]:
        [row] = served.embed(input="a short text", embedding_type=kind)["data"]
        assert row["embedding"] == expected.tolist(), kind
        [row] = served.embed(input="a short text", output_dtype=kind, encoding_format="base64")["data"]
        assert base64.b64decode(row["embedding"], validate=True) == expected.tobytes(), kind
    assert float(x @ int8) / numpy.linalg.norm(int8.astype(float)) > 0.9995


def test_tokenize_and_similarity_agree_with_the_commands(served, run, model):
    texts = ["A man is eating.", "naïve café, 東京"]
    status, _, reply = served.ask("POST", "/v1/tokenize", {"input": texts})
    assert status == 200 and [row["n_tokens"] for row in reply["data"]] == [len(row["ids"]) for row in reply["data"]]
    assert reply["usage"]["total_tokens"] == served.embed(input=texts)["usage"]["total_tokens"]
    status, _, reply = served.ask("POST", "/v1/tokenize", {"input": LONG})
    [row] = reply["data"]
    assert row["truncated"] and row["n_tokens_before_truncation"] > 40_000 > row["n_tokens"]
    status, _, reply = served.ask("POST", "/v1/similarity", {"queries": texts[:1], "passages": texts})
    scores = json.loads(run("score", "-q", texts[0], "-p", *texts, "--model", model).stdout)
    assert status == 200 and reply["scores"][0] == pytest.approx([score / 100 for score in scores[0]], abs=1e-6)


def test_what_the_server_says_of_itself(served):
    asked = {path: served.ask("GET", path) for path in ["/v1/metadata", "/v1/license", "/v1/version", "/v1/manifest", "/v1/status"]}
    assert all(status == 200 for status, _, _ in asked.values())
    metadata, status = asked["/v1/metadata"][2], asked["/v1/status"][2]
    assert metadata["modelInfo"][0]["shortName"] == status["models"][0]["id"] == served.ask("GET", "/v1/models")[2]["data"][0]["id"]
    assert metadata["licenseInfo"]["name"] == asked["/v1/license"][2]["name"]
    assert set(asked["/v1/version"][2]) == {"release", "api"} and status["models"][0]["aliases"] == ["acme/Embedder"]
    assert served.ask("OPTIONS", "/v1/embeddings")[0] == 204


def test_a_cut_is_said_in_the_header(served):
    for body, expected in [({"input": "a"}, None), ({"input": ["a", LONG, LONG], "truncate": "END"}, "2")]:
        status, headers, _ = served.ask("POST", "/v1/embeddings", body)
        assert status == 200 and headers["x-lode-truncated"] == expected


LONG = "word " * 40_000

ERRORS = {
    "not json": (b"{", 400, "cannot be validated"),
    "empty body": (b"", 400, "cannot be validated"),
    "not utf-8": (b'{"input": "\xff"}', 400, "UTF-8"),
    "lone surrogate": (b'{"input": "\\ud800"}', 400, "cannot be validated"),
    "deep": (b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "cannot be validated"),
    "no input": ({"model": None}, 400, "Field required"),
    "empty list": ({"input": []}, 400, "at least 1 item"),
    "number": ({"input": 7}, 400, "string or a list of strings"),
    "null in the list": ({"input": ["a", None]}, 400, "input.1"),
    "image": ({"input": "a", "modality": "image"}, 400, "Input should be 'text'"),
    "lone surrogate, said where": (b'{"input": "\\ud800"}', 400, "string"),
    "deep, less": (b'{"input": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "nested deeper"),
    "huge number": (b'{"input": "a", "x": 1e999}', 400, "out of range"),
    "embedding_type": ({"input": "a", "embedding_type": "int4"}, 400, "'int8'"),
    "tokens": ({"input": [101, 102]}, 400, "check_embedding_ctx_length=False"),
    "lists of tokens": ({"input": [[101], [102]]}, 400, "check_embedding_ctx_length=False"),
    "encoding": ({"input": "a", "encoding_format": "hex"}, 400, "'float' or 'base64'"),
    "input_type": ({"input": "a", "input_type": "document"}, 400, "'query' or 'passage'"),
    "truncate": ({"input": "a", "truncate": "LEFT"}, 400, "'NONE', 'START' or 'END'"),
    "dimensions": ({"input": "a", "dimensions": -1}, 400, "dimensions"),
    "model type": ({"input": "a", "model": 1}, 400, "model"),
    "unknown model": ({"input": "a", "model": "text-embedding-3-small"}, 404, "lode pull text-embedding-3-small"),
    "too long": ({"input": ["a", LONG]}, 400, "exceeds maximum allowed token size"),
    "too large": ({"input": "a" * (1 << 20)}, 413, "larger than the limit of 1048576 bytes"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_their_status_and_words(served, name):
    body, expected, words = ERRORS[name]
    status, _, reply = served.ask("POST", "/v1/embeddings", body)
    assert status == expected, reply
    assert words in reply["error"]["message"]
    assert set(reply["error"]) == {"message", "type", "param", "code"}
    assert reply["object"] == "error" and isinstance(reply["message"], str)
    assert isinstance(reply.get("detail", ""), (str, dict, list))
    assert served.ask("GET", "/v1/health/ready")[0] == 200


def test_too_long_says_both_numbers_unless_it_may_be_cut(served):
    status, _, reply = served.ask("POST", "/v1/embeddings", {"input": LONG})
    found = re.fullmatch(r"Input length (\d+) exceeds maximum allowed token size (\d+)", reply["message"])
    assert status == 400 and int(found[1]) > 40_000
    for truncate in ["START", "END"]:
        assert served.embed(input=["a", LONG], truncate=truncate)["usage"]["prompt_tokens"] > int(found[2])


def test_unknown_routes_and_methods(served):
    status, _, reply = served.ask("GET", "/v1/nothing")
    assert status == 404 and "/v1/embeddings" in reply["error"]["message"]
    status, headers, reply = served.ask("GET", "/v1/embeddings")
    assert status == 405 and headers["Allow"] == "POST, OPTIONS" and reply["object"] == "error"
    status, headers, _ = served.ask("DELETE", "/v1/models")
    assert status == 405 and headers["Allow"] == "GET, HEAD, OPTIONS"


def test_bad_http_is_refused_and_the_server_goes_on(served):
    chunks = b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + 20 * (
        b"10000\r\n" + b"x" * 65536 + b"\r\n")
    for data, status in [(b"hello\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000 + b"\r\n\r\n", 431), (chunks, 413),
                         (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400)]:
        reply = served.raw(data)
        assert reply.startswith(b"HTTP/1.1 %d " % status), reply[:200]
        assert json.loads(reply.split(b"\r\n\r\n", 1)[1])["object"] == "error"
    assert served.ask("GET", "/v1/health/live")[0] == 200


def test_pipelined_requests_and_a_half_closed_socket(served):
    one = b'{"input": "a"}'
    post = b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(one), one)
    reply = served.raw(post + b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" + post, end_sending=True)
    kinds = re.findall(rb'"object":"(embedding|model)"', reply)
    assert reply.count(b"HTTP/1.1 200 OK") == 3 and kinds[0] == kinds[-1] == b"embedding" and b"model" in kinds


def test_expect_continue(served):
    body = b'{"input": "a"}'
    with socket.create_connection((served.host, int(served.port)), timeout=10) as s:
        s.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert s.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        s.sendall(body)
        assert s.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_each_of_64_clients_gets_its_own_vectors(served, commands_vectors):
    n_clients, n_texts = 64, 6
    texts = [[f"client {c} says {'very ' * (c % 7 * n)}{n}" for n in range(n_texts)] for c in range(n_clients)]
    expected = commands_vectors([text for own in texts for text in own])
    start = threading.Barrier(n_clients)

    def client(c):
        connection = served.connect()
        start.wait()
        single = [vectors(served.embed(connection, input=text))[0] for text in texts[c][:3]]
        return single + vectors(served.embed(connection, input=texts[c][3:]))

    with concurrent.futures.ThreadPoolExecutor(n_clients) as pool:
        got = list(pool.map(client, range(n_clients)))
    assert [v for own in got for v in own] == expected


def test_a_small_queue_refuses_at_once(lode, model):
    with serving(lode, "--model", model, "--max-queue-requests", 2, "--max-queue-tokens", 4000) as server:
        status, _, reply = server.ask("POST", "/v1/embeddings", {"input": ["word " * 100] * 100})
        assert status == 413 and "4000" in reply["error"]["message"]

        def client(_):
            return server.ask("POST", "/v1/embeddings", {"input": ["word " * 100] * 30})

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            replies = list(pool.map(client, range(32)))
        statuses = [status for status, _, _ in replies]
        assert set(statuses) == {200, 429}, statuses
        assert all(headers["Retry-After"] for status, headers, _ in replies if status == 429)
        assert server.embed(input="a")["data"]
        assert server.stop() == 0


def test_running_out_of_file_descriptors_only_delays(lode, model):
    with serving(lode, "--model", model, files=64) as server:
        idle = [socket.create_connection((server.host, int(server.port)), timeout=10) for _ in range(100)]
        time.sleep(0.3)
        assert server.process.poll() is None
        assert "new connections have to wait" in server.log
        for connection in idle:
            connection.close()
        assert server.embed(input="a")["data"]
        assert server.log.count("have to wait") < 5
        assert server.stop() == 0


def test_sigterm_under_load_answers_what_was_accepted(lode, model):
    with serving(lode, "--model", model) as server:
        sent, done = threading.Semaphore(0), []

        def client(c):
            connection = server.connect()
            connection.request("POST", "/v1/embeddings", json.dumps({"input": [f"{c} " + "word " * 120] * 8}))
            sent.release()
            response = connection.getresponse()
            done.append((response.status, len(json.loads(response.read())["data"])))

        probe = server.connect()
        assert server.ask("GET", "/v1/health/ready", connection=probe)[0] == 200
        threads = [threading.Thread(target=client, args=(c,)) for c in range(24)]
        for thread in threads:
            thread.start()
        for _ in threads:
            sent.acquire()
        time.sleep(0.2)  # for the last of them to be read
        server.process.terminate()
        # A connection made before the end still learns that the server is not ready; the answers go on.
        statuses = set()
        while server.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                statuses.add(server.ask("GET", "/v1/health/ready", connection=server.connect(5))[0])
                statuses.add(server.ask("POST", "/v1/embeddings", {"input": "late"}, connection=server.connect(5))[0])
            time.sleep(0.01)
        for thread in threads:
            thread.join(60)
        assert done == [(200, 8)] * 24
        assert server.process.returncode == 0, server.log
        assert statuses - {200} == {503}, statuses


def test_an_idle_server_stops_at_once(lode, model):
    for sig in (signal.SIGTERM, signal.SIGINT):
        with serving(lode, "--model", model) as server, contextlib.closing(server.connect()) as idle:
            server.embed(idle, input="a")
            begun = time.monotonic()
            assert server.stop(sig) == 0
            assert time.monotonic() - begun < 5
            assert server.process.stdout.read() == ""


def test_a_second_signal_ends_it_at_once_and_so_does_the_drain_timeout(lode, model):
    body = json.dumps({"input": ["word " * 200] * 2000})

    def load(server):
        connection = server.connect()
        connection.request("POST", "/v1/embeddings", body)
        time.sleep(1)  # to be accepted
        return connection

    with serving(lode, "--model", model) as server, contextlib.closing(load(server)):
        server.process.terminate()
        time.sleep(0.3)
        assert server.process.poll() is None
        assert server.stop(timeout=5) == -signal.SIGTERM
    with serving(lode, "--model", model, "--drain-timeout", 0.5) as server, contextlib.closing(load(server)):
        begun = time.monotonic()
        assert server.stop(timeout=10) == 1
        assert time.monotonic() - begun < 5
        assert "drain timeout" in server.log


def test_what_cannot_start_says_why_in_one_line(lode, run, model, served):
    for args, code, words in [
        (["--model", model, "--port", served.port], 1, "already in use"),
        (["--model", model, "--port", "0", "--host", "203.0.113.7"], 1, "cannot listen"),
        (["--model", model, "--port", "0", "--alias", "x"], 2, "NAME=MODEL"),
        (["--model", model, "--port", "0", "--alias", "x=other"], 2, "not served"),
        (["--model", model, "--model", model, "--port", "0"], 2, "is already that of another model"),
        (["--model", "no-such-model"], 1, "no-such-model"),
        (["--model", model, "--port", "70000"], 2, "port"),
    ]:
        done = run("serve", *args, check=False)
        assert done.returncode == code, (args, done.stderr)
        lines = [line for line in done.stderr.strip().splitlines() if " warning " not in line]
        assert len(lines) == 1 and words in lines[0], (args, done.stderr)
        if code == 2:
            assert run("serve", *args, "--check-config", check=False).returncode == code, args
