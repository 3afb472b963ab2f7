"""The metrics of a running server, read by Prometheus's own Python parser (where it is installed): what is there before the
first request, and that requests, tokens and passes are counted to the last one."""
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import running_server

parser = pytest.importorskip("prometheus_client.parser", reason="prometheus-client is not installed")


def scrape(url):
    with urllib.request.urlopen(url + "/v1/metrics", timeout=30) as reply:
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = reply.read().decode()
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    samples = {}
    for family in families.values():
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
        for sample in family.samples:
            samples[sample.name, frozenset(sample.labels.items())] = sample.value
    assert sum(len(family.samples) for family in families.values()) == len(samples), "a series twice"
    return samples


def value(samples, name, **labels):
    return samples[name, frozenset(labels.items())]


def post(url, body, **headers):
    request = urllib.request.Request(url + "/v1/embeddings", body.encode(), {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_every_request_token_and_pass_is_counted(lode, default_model):
    with running_server(lode) as url:
        with urllib.request.urlopen(url + "/v1/models", timeout=30) as reply:
            model = json.load(reply)["data"][0]["id"]
        before = scrape(url)
        assert value(before, "lode_requests_total", route="/v1/embeddings", method="POST", status="200") == 0
        assert value(before, "lode_tokens_total", model=model) == 0
        assert value(before, "lode_pass_tokens_count", model=model) == 0
        assert value(before, "lode_model_load_seconds", model=model) > 0
        assert value(before, "process_resident_memory_bytes") > 1e7

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda i: post(url, '{"input": ["one text", "another"]}'), range(40)))
        assert statuses == [200] * 40
        assert post(url, '{"input": "x", "model": "nobody"}') == 404
        assert post(url, "{") == 400

        after = scrape(url)
        assert value(after, "lode_requests_total", route="/v1/embeddings", method="POST", status="200") == 40
        assert value(after, "lode_requests_total", route="/v1/embeddings", method="POST", status="404") == 1
        assert value(after, "lode_requests_total", route="/v1/embeddings", method="POST", status="400") == 1
        assert value(after, "lode_errors_total", reason="model_not_found") == 1
        assert value(after, "lode_inputs_total", model=model) == 80
        tokens = value(after, "lode_tokens_total", model=model)
        assert tokens > 80
        assert value(after, "lode_pass_tokens_sum", model=model) == tokens
        for part in ("tokenize", "queue", "compute", "format"):
            assert value(after, f"lode_request_{part}_seconds_count") == 40, part
        assert value(after, "lode_queue_tokens", model=model) == 0
        assert value(after, "lode_connections") >= 1
