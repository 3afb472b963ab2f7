"""`lode serve` when things go wrong: clients that are slow, leave, crowd in or send nonsense, deadlines, the end under load, and
a start that cannot succeed. Every fault has its status and the server goes on. What test_serve.py has is not here again."""
import concurrent.futures
import contextlib
import http.client
import json
import re
import resource
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from serving import Certificates, post, serving, until_closed, vectors, wait_for

pytestmark = pytest.mark.alone
LONG = "word " * 200
GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def served(lode, default_model):
    with serving(lode, "--max-body-bytes", 1 << 20, "--header-timeout", 1, "--body-timeout", 1, "--idle-timeout", 3,
                 "--log-format", "json") as server:
        yield server
        assert server.stop() == 0, server.log


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def deep(n):
    return b'{"input": "a", "user": ' + b"[" * n + b"]" * n + b"}"


BODIES = {
    "NUL in a text": (b'{"input": "a\\u0000b"}', 200),
    "NUL as a byte": (b'{"input": "a\x00b"}', 400),
    "NUL behind the end": (b'{"input": "a"}\x00', 400),
    "lone low surrogate": (b'{"input": "\\udc00"}', 400),
    "lone surrogate in an ignored field": (b'{"input": "a", "user": "\\ud83d"}', 400),
    "surrogates in pairs": (b'{"input": "\\ud83d\\ude00"}', 200),
    "surrogate in UTF-8": (b'{"input": "\xed\xa0\x80"}', 400),
    "overlong UTF-8": (b'{"input": "\xc0\xaf"}', 400),
    "key of invalid UTF-8": (b'{"input": "a", "\xff": 1}', 400),
    "noncharacters": ('{"input": "\uffff\U0010ffff\u202e"}'.encode(), 200),
    "deep": (deep(1000), 200),
    "too deep": (deep(1030), 400),
    "key twice, the last counts": (b'{"input": 1, "input": "a", "model": "nobody", "model": null}', 200),
    "key twice, the last is wrong": (b'{"input": "a", "input": 1}', 400),
    "huge integer": (b'{"input": "a", "dimensions": ' + b"9" * 400 + b"}", 400),
    "more than 64 bits": (b'{"input": "a", "dimensions": 18446744073709551616}', 400),
    "infinite": (b'{"input": "a", "dimensions": 1e400}', 400),
    "huge number": (b'{"input": "a", "dimensions": 1e30}', 400),
    "NaN": (b'{"input": "a", "dimensions": NaN}', 400),
    "no object": (b'["a"]', 400),
    "two values": (b'{"input": "a"}{"input": "b"}', 400),
    "comma at the end": (b'{"input": ["a",]}', 400),
    "too many texts": (json.dumps({"input": ["a"] * 8193}).encode(), 400),
    "one word of 900 kB": (json.dumps({"input": "x" * 900_000, "truncate": "END"}).encode(), 200),
    "model's name of 500 kB": (json.dumps({"input": "a", "model": "m" * 500_000}).encode(), 404),
    "control characters in a name": (json.dumps({"input": "a", "model": "\x1b[31m\n\x00"}).encode(), 404),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_have_their_status(served, name):
    body, expected = BODIES[name]
    status, headers, reply = served.ask("POST", "/v1/embeddings", body)
    assert status == expected, reply
    assert headers["Content-Type"].startswith("application/json") and headers["x-request-id"]
    if status != 200:
        assert reply["object"] == "error" and reply["error"]["message"] and len(json.dumps(reply)) < 4096
        line = served.access(headers["x-request-id"])
        assert line["status"] == expected and line["error"]
    assert len(served.embed(input="after")["data"]) == 1


def chunked(data):
    return b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + data


REQUESTS = {
    "no version": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + b"a" * 200, 400),
    "HTTP/1.0": (b"GET /v1/models HTTP/1.0\r\n\r\n", 200),
    "an empty line in front": (b"\r\n" + GET + b"\r\n", 200),
    "many empty lines in front": (b"\r\n" * 9 + GET + b"\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "NUL in a header": (GET + b"A: b\x00c\r\n\r\n", 400),
    "space before the colon": (GET + b"A : b\r\n\r\n", 400),
    "control character in the path": (b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "UTF-8 in the path": ("GET /ü HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 404),
    "path that climbs": (b"GET /v1/embeddings/../models HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "path with two slashes": (b"GET //v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "method of nobody": (b"FOO /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "TRACE": (b"TRACE /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "CONNECT": (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "negative length": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    "length beyond 64 bits": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "length over the limit": (b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413),
    "length over the limit, with expect": (
        b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n", 413),
    "chunk over the limit": (chunked(b"7fffffffffffffff\r\nx"), 413),
    "chunk beyond 64 bits": (chunked(b"f" * 18 + b"\r\nx"), 400),
    "no chunk": (chunked(b"zz\r\n\r\n"), 400),
    "chunk extension over the limit": (chunked(b"1;" + b"b" * 100_000), 431),
    "trailer over the limit": (chunked(b"1\r\na\r\n0\r\nX: " + b"b" * 100_000), 431),
    "other transfer coding": (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "8,000 header fields": (GET + b"a: b\r\n" * 8000 + b"\r\n", 431),
    "path over the limit": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_have_their_status(served, name):
    data, expected = REQUESTS[name]
    with served.socket() as s:
        # Ends our side, so that the server need not wait for more; who is refused early need not have read all.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        reply = until_closed(s, 5)
    assert b" %d " % expected in reply.split(b"\r\n", 1)[0], reply[:300]
    assert reply.count(b"HTTP/1.") == 1, "one request, one answer"
    if expected != 200:
        assert json.loads(reply.split(b"\r\n\r\n", 1)[1])["object"] == "error"
    assert served.ask("GET", "/v1/health/live")[0] == 200


def test_wrong_methods_name_the_right_ones(served):
    for method, path, allowed in [("PUT", "/v1/embeddings", "POST"), ("POST", "/v1/health/ready", "GET"), ("PATCH", "/v1/models", "GET"),
                                  ("DELETE", "/embeddings", "POST")]:
        status, headers, reply = served.ask(method, path, "{}")
        assert status == 405 and allowed in headers["Allow"] and allowed in reply["detail"], (method, path, reply)


def test_half_closed_sockets(served):
    assert served.raw(b"", end_sending=True) == b""
    for part in [b"GET / HTT", GET, post({"input": "a"})[:-3], chunked(b"3\r\nab")]:
        assert served.raw(part, end_sending=True).startswith(b"HTTP/1.1 400 "), part
    # Reads on after it has said all: gets its answer.
    whole = served.raw(post({"input": "a"}), end_sending=True)
    assert whole.startswith(b"HTTP/1.1 200 OK") and b'"embedding"' in whole


def test_40_pipelined_requests_are_answered_in_order(served):
    texts = [f"pipelined {i}" for i in range(40)]
    with served.socket() as s:
        s.sendall(b"".join(post({"input": text}, f"x-request-id: pipe-{i}") for i, text in enumerate(texts)))
        s.shutdown(socket.SHUT_WR)
        replies = until_closed(s, 20).split(b"HTTP/1.1 ")[1:]
    expected = vectors(served.embed(input=texts))
    assert len(replies) == 40
    for i, reply in enumerate(replies):
        head, body = reply.split(b"\r\n\r\n", 1)
        assert head.startswith(b"200") and b"x-request-id: pipe-%d\r\n" % i in head + b"\r\n"
        assert vectors(json.loads(body)) == [expected[i]]


def test_slow_clients_are_cut_off_while_others_are_served(served):
    """Slow-loris: a byte now and then, in headers and in bodies, and connections that say nothing at all."""
    drip = {"header": b"GET / HTTP/1.1\r\nHost: x\r\nA: ", "body": b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"}
    ends, begun = {}, time.monotonic()

    def slow(name, n):
        with served.socket() as s:
            s.sendall(drip[name])
            s.settimeout(0.1)
            reply = b""
            while time.monotonic() < begun + 20:
                try:
                    s.sendall(b"x")
                    part = s.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    break
                if not part:
                    break
                reply += part
            ends[name, n] = (reply[:12], time.monotonic() - begun)

    def silent():
        with served.socket(20) as s:
            ends["silent", 0] = (s.recv(10), time.monotonic() - begun)

    threads = [threading.Thread(target=slow, args=(name, n)) for name in drip for n in range(16)]
    threads.append(threading.Thread(target=silent))
    for thread in threads:
        thread.start()
    n_served = 0
    while time.monotonic() < begun + 0.9:
        asked = time.monotonic()
        served.embed(input="a")
        assert time.monotonic() - asked < 5
        n_served += 1
    assert n_served >= 1
    for thread in threads:
        thread.join()
    silence, seconds = ends.pop(("silent", 0))
    assert silence == b"" and seconds > 2.5
    assert len(ends) == 32
    for name, (reply, seconds) in ends.items():
        assert reply == b"HTTP/1.1 408" and 0.9 < seconds < 12, (name, reply, seconds)


def test_ten_thousand_idle_connections_cost_little(lode, default_model):
    n = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < n + 500:
        pytest.skip(f"{n} connections need more than the {hard} file descriptors that a process may have here (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with serving(lode) as server, contextlib.ExitStack() as stack:
        server.embed(input="a")
        before = server.resident_bytes()

        def open_one(i):
            s = server.socket(30)
            if i % 2:  # half of them have been used
                s.sendall(b"GET /v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                assert s.recv(4096).startswith(b"HTTP/1.1 200 OK")
            return stack.enter_context(s)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            connections = list(pool.map(open_one, range(n)))
        fds = Path(f"/proc/{server.process.pid}/fd")
        wait_for(lambda: len(list(fds.iterdir())) > n, "all accepted", 30)
        each = (server.resident_bytes() - before) / n
        asked = time.monotonic()
        server.embed(input="a")
        seconds = time.monotonic() - asked
        print(f"{n} idle connections: {each / 1024:.1f} kB each, one request {1000 * seconds:.0f} ms")
        assert each < 8 * 1024
        assert seconds < 3
        for connection in connections:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # no TIME_WAIT left behind
            connection.close()
        wait_for(lambda: len(list(fds.iterdir())) < 100, "all closed", 30)
        assert server.stop(timeout=20) == 0


def test_who_hangs_up_frees_the_place(lode, default_model):
    texts = [f"{i} {LONG}" for i in range(200)]  # some seconds of computing
    with serving(lode, "--max-queue-requests", 6, "--log-format", "json") as server:
        def n_waiting():
            return sum(v for k, v in server.metrics().items() if k.startswith("lode_queue_requests"))

        held = []
        for i in range(6):
            s = server.socket()
            s.sendall(post({"input": texts}, f"x-request-id: left-{i}"))
            held.append(s)
        wait_for(lambda: n_waiting() == 6, "a full queue")
        refused, headers, reply = server.ask("POST", "/v1/embeddings", {"input": "late"})
        assert refused == 429 and int(headers["Retry-After"]) >= 1 and "queue is full" in reply["error"]["message"]
        for s in held:
            s.close()
        wait_for(lambda: n_waiting() == 0, "room again", 5)
        left = [server.access(f"left-{i}") for i in range(6)]
        assert [line["status"] for line in left] == [499] * 6 and all(line["aborted"] for line in left)
        asked = time.monotonic()
        server.embed(input="a")
        assert time.monotonic() - asked < 2
        samples = server.metrics()
        assert sum(v for k, v in samples.items() if k.startswith("lode_requests_total") and 'status="499"' in k) == 6
        assert [v for k, v in samples.items() if k.startswith("lode_queue_tokens")] == [0]
        assert server.stop() == 0


def test_a_deadline_is_kept_and_gives_the_place_back(lode, default_model):
    bulk = {"input": [f"{i} {LONG}" for i in range(400)]}
    with serving(lode, "--request-timeout", 0.5, "--log-format", "json") as server:
        for headers in [{}, {"x-request-timeout": "0.2"}]:
            asked = time.monotonic()
            status, answered, reply = server.ask("POST", "/v1/embeddings", bulk, {"x-request-id": "mine", **headers})
            assert status == 504 and reply["error"]["code"] == "deadline_exceeded", reply
            assert answered["x-request-id"] == "mine"
            assert ("0.2 s" if headers else "0.5 s") in reply["message"]
            assert time.monotonic() - asked < 3
        # It may only shorten, and must be a number.
        assert server.ask("POST", "/v1/embeddings", bulk, {"x-request-timeout": "60"})[0] == 504
        assert server.ask("POST", "/v1/embeddings", bulk, {"x-request-timeout": "soon"})[0] == 400
        wait_for(lambda: server.ask("POST", "/v1/embeddings", {"input": "a"})[0] == 200, "answers again", 5)
        samples = server.metrics()
        assert [v for k, v in samples.items() if k.startswith("lode_queue_tokens")] == [0]
        assert server.stop() == 0


def test_readiness_goes_first_and_accepted_work_is_finished(lode, default_model, certificates):
    """SIGTERM under load, over TLS: not ready at once, while what was accepted is still computed and answered."""
    with serving(lode, *certificates.server_args, tls=certificates.client()) as server:
        done = []

        def client(c):
            status, _, reply = server.ask("POST", "/v1/embeddings", {"input": [f"{c} {LONG}"] * 10})
            done.append((time.monotonic(), status, len(reply.get("data", []))))

        used = server.connect()
        assert server.ask("GET", "/v1/health/ready", connection=used)[0] == 200
        threads = [threading.Thread(target=client, args=(c,)) for c in range(8)]
        for thread in threads:
            thread.start()
        wait_for(lambda: sum(v for k, v in server.metrics().items() if k.startswith("lode_queue_requests")) >= 5, "a queue")
        server.process.terminate()
        told = time.monotonic()
        ready, late = [], []
        while server.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                ready.append((time.monotonic(), server.ask("GET", "/v1/health/ready", connection=server.connect(5))[0]))
                late.append(server.ask("POST", "/v1/embeddings", {"input": "late"}, connection=server.connect(5))[0])
            time.sleep(0.05)
        for thread in threads:
            thread.join(30)
        assert server.process.returncode == 0, server.log
        # A client that came with its handshake later than the signal was told so; who waited then was answered whole.
        answers = [(status, n) for _, status, n in done]
        assert len(answers) == 8 and set(answers) <= {(200, 10), (503, 0)} and answers.count((200, 10)) >= 5, answers
        first_503 = next(when for when, status in ready if status == 503)
        assert first_503 - told < 2 and first_503 < max(when for when, _, _ in done)
        statuses = [status for _, status in ready]
        assert statuses == sorted(statuses) and late and set(late) <= {200, 503} and late[-1] == 503


def test_a_start_that_cannot_succeed_says_so_in_one_line(lode, run, default_model, tmp_path):
    def copy(name):
        folder = tmp_path / name
        shutil.copytree(default_model, folder)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return folder

    cut, noise, wordless, wrong = copy("cut"), copy("noise"), copy("wordless"), copy("wrong")
    weights = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    (noise / "model.safetensors").write_bytes(b"\xff" * 1000)
    for name in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"]:
        (wordless / name).unlink(missing_ok=True)
    config = json.loads((wrong / "config.json").read_text())
    (wrong / "config.json").write_text(json.dumps({**config, "hidden_size": 7}))
    for args, words in [
        (["--model", cut], "model.safetensors"), (["--model", noise], "model.safetensors"), (["--model", wordless], "token"),
        (["--model", wrong], "hidden_size"), (["--model", tmp_path], str(tmp_path)),
        (["--max-memory", "64MB"], "--max-memory"), (["--max-queue-tokens", 1 << 39], "memory"),
    ]:
        done = run("serve", "--port", "0", *args, check=False)
        lines = done.stderr.strip().splitlines()
        assert done.returncode == 1 and len(lines) == 1 and words in lines[0], (args, done.returncode, done.stderr)
        assert done.stdout == ""
    # What is needed and what there is.
    refused = run("serve", "--port", "0", "--max-memory", "64MB", check=False).stderr
    assert len(re.findall(r"[\d.]+ (?:[kMG]i?B)", refused)) == 2, refused


@pytest.mark.parametrize("mebibytes", range(60, 340, 20))
def test_too_little_address_space_is_a_message(lode, default_model, mebibytes):
    """Wherever it runs out: either it serves or it says in one line why it cannot."""
    process = subprocess.Popen(["prlimit", f"--as={mebibytes << 20}", lode, "serve", "--port", "0", "--max-memory", "1TB"], text=True,
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("  curl"):
                process.terminate()
        code = process.wait(timeout=60)
        if not any(line.startswith("  curl") for line in lines):
            reasons = [line for line in lines if line.startswith(("lode: ", "prlimit: ")) or "error while loading" in line]
            assert code in (1, 127) and len(reasons) == 1 and "terminate" not in "".join(lines), (code, lines)
        else:
            assert code == 0 and mebibytes > 100, lines
    finally:
        process.kill()
        process.wait()
