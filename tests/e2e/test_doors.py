"""Who gets into `lode serve` and what leaves it: the address, API keys, TLS and client certificates, rate limits, browsers,
settings from NIM's variables and from a file, and what the log may hold."""
import json
import os
import re
import socket
import ssl
import subprocess

import pytest

from conftest import free_port
from serving import Certificates, post, serving, wait_for

KEY, OTHER, THIRD = "first-key-0123456789abcdef", "second-key-0123456789abcdef", "third-key-0123456789abcdef"
SECRET_TEXT = "a text that nobody else may read"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# of the tests\nalice:{KEY}\nbob:{OTHER}\n")
    path.chmod(0o600)
    return path


def test_it_listens_on_loopback_only_unless_told(lode, default_model):
    with serving(lode) as server:
        assert server.host == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", int(server.port)), timeout=5)
        assert server.stop() == 0
    with serving(lode, "--host", "127.0.0.2") as server:
        assert server.host == "127.0.0.2" and server.embed(input="a")["data"]
        assert server.stop() == 0


def test_keys_open_the_api_and_never_reach_the_log(lode, default_model, key_file):
    with serving(lode, "--api-keys", key_file, "--log-format", "json", "--log-level", "debug", env={"LODE_API_KEY": THIRD}) as server:
        body = {"input": SECRET_TEXT, "model": None}

        def status(headers, method="POST", path="/v1/embeddings"):
            return server.ask(method, path, body if method == "POST" else None, headers)[0]

        for header in [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {OTHER}"}, {"api-key": KEY}, {"X-API-Key": THIRD}]:
            assert status(header) == 200, header
        for header in [{}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {KEY}"}, {"api-key": KEY[:-1]}, {"api-key": KEY + "x"},
                       {"api-key": "alice"}]:
            code, headers, reply = server.ask("POST", "/v1/embeddings", body, header)
            assert code == 401 and headers["WWW-Authenticate"] == "Bearer", header
            # Both families' fields.
            assert set(reply["error"]) == {"message", "type", "param", "code"} and reply["error"]["type"] == "authentication_error"
            assert reply["object"] == "error" and isinstance(reply["message"], str) and isinstance(reply["detail"], str)
        assert status({}, "GET", "/v1/health/ready") == status({}, "GET", "/health/live") == 200
        for path in ["/v1/models", "/v1/metrics", "/metrics", "/v1/metadata", "/v1/status", "/v1/nothing"]:
            assert status({}, "GET", path) == 401, path
        assert status({"api-key": KEY}, "GET", "/v1/metrics") == 200
        # Also in wrong places.
        server.ask("POST", f"/v1/embeddings?key={KEY}", "{", {"api-key": KEY, "x-request-id": "asked-by-query"})
        assert server.access("asked-by-query")["key"] == "alice"
        assert server.stop() == 0
        assert {line.get("key") for line in server.access()} >= {"alice", "bob"}
        for secret in [KEY, OTHER, THIRD, SECRET_TEXT, "nobody else"]:
            assert secret not in server.log, secret
    with serving(lode, "--api-keys", key_file, "--open-metrics", "--closed-health") as server:
        assert server.ask("GET", "/v1/metrics")[0] == 200 and server.ask("GET", "/v1/health/live")[0] == 401
        assert server.stop() == 0


def test_tls_and_client_certificates(lode, default_model, certificates):
    with serving(lode, *certificates.server_args, tls=certificates.client()) as server:
        assert server.url.startswith("https://") and server.embed(input="a")["data"]
        plain = server.raw(post({"input": "a"}))
        assert plain.startswith(b"HTTP/1.1 400 ") and b"https://" in plain
        with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((server.host, int(server.port))) as s:
            ssl.create_default_context().wrap_socket(s, server_hostname="127.0.0.1")
        assert server.embed(input="a")["data"]
        assert server.stop() == 0
    mutual = [*certificates.server_args, "--tls-client-ca", certificates.ca, "--log-format", "json"]
    with serving(lode, *mutual, tls=certificates.client("client")) as server:
        assert server.ask("POST", "/v1/embeddings", {"input": "a"}, {"x-request-id": "mutual"})[0] == 200
        assert "a-client" in server.access("mutual")["tls_subject"]
        for name in [None, "stranger"]:
            server.tls = certificates.client(name)
            with pytest.raises((ssl.SSLError, ConnectionError)):
                server.embed(input="a")
        server.tls = certificates.client("client")
        assert server.embed(input="a")["data"]
        assert server.stop() == 0


def test_health_goes_through_every_door(lode, default_model, certificates, key_file):
    def health(*args, env=None):
        return subprocess.run([lode, "health", *map(str, args)], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **(env or {})})

    closed = [*certificates.server_args, "--tls-client-ca", certificates.ca, "--api-keys", key_file, "--closed-health"]
    with serving(lode, *closed, tls=certificates.client("client")) as server:
        shown = ["--client-cert", certificates.folder / "client.pem", "--client-key", certificates.folder / "client.key"]
        asked = health("--url", server.url, "--ca", certificates.ca, *shown, "--api-keys", key_file)
        assert (asked.returncode, asked.stdout) == (0, "ready\n"), asked.stderr
        told = health("--url", server.url, "--ca", certificates.ca, *shown, "--api-keys", key_file, "--json")
        assert json.loads(told.stdout) == {"url": server.url, "ready": True}
        # In the server's own environment it finds all but the client's certificate.
        inside = {"LODE_PORT": server.port, "LODE_TLS_CERT": str(certificates.folder / "server.pem"), "LODE_API_KEY": f"bob:{OTHER}"}
        assert health(*shown, "--ca", certificates.ca, env=inside).returncode == 0
        assert health(*shown, "--insecure", env=inside).returncode == 0
        for missing, says in [([*shown, "--api-keys", key_file], "certificate"), (["--ca", certificates.ca, "--api-keys", key_file], "answer"),
                              (["--ca", certificates.ca, *shown], "401")]:
            refused = health("--url", server.url, *missing)
            assert refused.returncode == 1 and says in refused.stderr, refused.stderr
            assert KEY not in refused.stderr
        assert server.stop() == 0


def test_a_rate_limit_says_when_to_come_back(lode, default_model, key_file):
    with serving(lode, "--api-keys", key_file, "--rate-limit", "5/min") as server:
        def ask(key):
            return server.ask("POST", "/v1/embeddings", {"input": "a"}, {"api-key": key})

        assert [ask(KEY)[0] for _ in range(7)] == [200] * 5 + [429] * 2
        status, headers, reply = ask(KEY)
        assert status == 429 and 1 <= int(headers["Retry-After"]) <= 60
        assert reply["error"]["type"] == "rate_limit_error" and reply["object"] == "error"
        assert ask(OTHER)[0] == 200, "a limit of its own"
        assert server.ask("GET", "/v1/health/ready")[0] == 200
        assert server.stop() == 0


def test_a_burst_may_be_smaller_than_a_minutes_worth(lode, default_model, key_file):
    with serving(lode, "--rate-limit", "60/min", "--rate-burst", "2") as server:
        answers = [server.ask("POST", "/v1/embeddings", {"input": "a"}) for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
        assert answers[2][1]["Retry-After"] == "1"
        assert server.stop() == 0
    refused = subprocess.run([lode, "serve", "--rate-burst", "2", "--check-config"], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "--rate-limit" in refused.stderr


def test_browsers_of_named_pages_may_call(lode, default_model, key_file):
    with serving(lode, "--cors", "https://app.example.com", "--api-keys", key_file) as server:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization, content-type"}
        status, headers, _ = server.ask("OPTIONS", "/v1/embeddings", None, {"Origin": "https://app.example.com", **asked})
        assert status in (200, 204) and headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert "POST" in headers["Access-Control-Allow-Methods"] and "authorization" in headers["Access-Control-Allow-Headers"].lower()
        _, headers, _ = server.ask("OPTIONS", "/v1/embeddings", None, {"Origin": "https://other.example.com", **asked})
        assert "Access-Control-Allow-Origin" not in headers
        page = {"Origin": "https://app.example.com", "api-key": KEY}
        status, headers, _ = server.ask("POST", "/v1/embeddings", {"input": "a"}, page)
        assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://app.example.com" and "Origin" in headers["Vary"]
        assert server.stop() == 0


def test_what_is_refused_below_the_routes_looks_as_what_they_refuse(lode, default_model):
    with serving(lode, "--strict-nim", "--cors", "https://app.example.com", "--max-body-bytes", "4096", "--log-format", "json") as server:
        lines = []
        for body, header, expected in [("a" * 5000, {}, 413), ("{}", {"x-request-timeout": "soon"}, 400), ("{}", {"x-long": "b" * 40_000}, 431)]:
            status, headers, reply = server.ask("POST", "/v1/embeddings", body, {"Origin": "https://app.example.com", **header})
            assert status == expected and isinstance(reply["error"], str) and reply["code"] and reply["object"] == "error", reply
            assert headers["Access-Control-Allow-Origin"] == "https://app.example.com", expected
            lines.append(server.access(headers["x-request-id"]))
            assert lines[-1]["status"] == expected and lines[-1]["bytes_out"] > len(reply["error"])
        # One was whole, and is what it was.
        assert [(line["method"], line["path"]) for line in lines] == [("-", "-"), ("POST", "/v1/embeddings"), ("-", "-")]
        counted = server.metrics()
        assert counted['lode_http_refused_total{status="400"}'] == 0 and counted['lode_http_refused_total{status="413"}'] == 1
        assert counted['lode_errors_total{reason="invalid_header"}'] == 1 and counted['lode_errors_total{reason="other"}'] == 0
        assert server.stop() == 0


def test_a_start_with_nims_variables(lode, default_model, certificates):
    port = free_port()
    nim = {"NIM_HTTP_API_PORT": str(port), "NIM_SERVED_MODEL_NAME": "nvidia/nv-embed-v1", "NIM_TLS_CERT_PATH": str(certificates.folder / "server.pem"),
           "NIM_TLS_KEY_PATH": str(certificates.folder / "server.key"), "NIM_MAX_QUEUE_SIZE": "77", "NIM_JSONL_LOGGING": "1",
           "NIM_HTTP_BODY_LIMIT_BYTES": "4096", "NIM_LOG_LEVEL": "WARNING", "NIM_MAX_WAIT_MS": "1"}
    with serving(lode, env=nim, tls=certificates.client(), port=()) as server:
        assert int(server.port) == port
        assert server.embed(input="a", model="nvidia/nv-embed-v1-query")["data"]
        assert server.ask("POST", "/v1/embeddings", {"input": "a" * 5000})[0] == 413
        assert [v for k, v in server.metrics().items() if k.startswith("lode_queue_limit_requests")] == [77]
        assert "NIM_MAX_WAIT_MS" in server.log and server.access() == []
        assert server.stop() == 0


def test_the_configuration_in_force_can_be_given_back(run, default_model, key_file, tmp_path):
    args = ["--max-queue-requests", "9", "--alias", f"x={default_model}", "--model", default_model, "--api-keys", key_file, "--cors", "*",
            "--open-metrics", "--rate-limit", "60/min", "--request-timeout", "2.5", "--idle-timeout", "7"]
    first = run("serve", *args, "--check-config", LODE_API_KEY=THIRD).stdout
    assert re.search(r"^max-queue-requests = 9$", first, re.M) and re.search(r"^request-timeout = 2.5$", first, re.M)
    assert "open-metrics = true" in first and "idle-timeout = 7" in first and "alice, bob" in first
    for secret in [KEY, OTHER, THIRD]:
        assert secret not in first
    config = tmp_path / "lode.toml"
    config.write_text(first)
    assert run("--config", config, "serve", "--check-config", LODE_API_KEY=THIRD).stdout == first
    done = run("serve", "--check-config", "--tls-cert", key_file, "--tls-key", key_file, check=False)
    assert done.returncode in (1, 2) and len(done.stderr.strip().splitlines()) == 1


def test_each_request_has_a_line_with_its_id_and_trace(lode, default_model):
    with serving(lode, "--log-format", "json") as server:
        status, headers, _ = server.ask("POST", "/v1/embeddings", {"input": ["a", "b"]}, {"x-request-id": "mine-1", "traceparent": TRACE})
        assert status == 200 and headers["x-request-id"] == "mine-1" and headers["traceparent"] == TRACE
        line = server.access("mine-1")
        assert (line["method"], line["path"], line["status"], line["inputs"]) == ("POST", "/v1/embeddings", 200, 2)
        assert line["traceparent"] == TRACE and line["tokens"] > 2 and line["bytes_out"] > 1000
        assert all(line[part] >= 0 for part in ["queue_ms", "tokenize_ms", "compute_ms", "format_ms", "write_ms", "total_ms"])
        # What is not one is not passed through, and a forged line stays in its field.
        status, headers, _ = server.ask("GET", "/v1/models", None, {"x-request-id": 'a" b', "traceparent": "00-zz"})
        assert status == 200 and headers["x-request-id"] != 'a" b' and "traceparent" not in headers
        assert server.access(headers["x-request-id"])["path"] == "/v1/models"
        assert server.raw(b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
        # A line is written once its answer is out, so the last one may still be on its way.
        wait_for(lambda: len(server.access()) == 3, "a line for each request")
        assert len({line["request_id"] for line in server.access()}) == 3
        assert server.stop() == 0
