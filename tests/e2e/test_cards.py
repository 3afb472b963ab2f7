"""The three prototypes of each model card, with nothing changed but the address: curl with `messages` and without `input`,
OpenAI's client and LangChain's with an empty text and an empty input type. An empty text is embedded, as the reference does."""
import base64
import json
import struct
import subprocess
import urllib.request

import pytest
from conftest import running_server
from langchain_nvidia_ai_endpoints import NVIDIAEmbeddings
from openai import BadRequestError, NotFoundError, OpenAI

CARDS = {"nvidia/nv-embed-v1": "nv-embed", "nvidia/nv-embedcode-7b-v1": "nv-embedcode"}


@pytest.fixture(scope="module", params=CARDS)
def card(request, lode, checkpoint):
    """(name on the card, URL that ends in /v1, folder served)"""
    folder = checkpoint(CARDS[request.param], "tiny")
    with running_server(lode, "--model", folder, "--alias", f"{request.param}={folder}") as url:
        yield request.param, url + "/v1", folder


@pytest.fixture(scope="module")
def empty_vector(card, lode):
    """What `lode embed` makes of an empty text."""
    done = subprocess.run([lode, "embed", "-", "--model", card[2], "--quiet", "--text-field", "text", "--input-type", "passage"],
                          input='{"text": ""}\n', capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["embedding"]


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def as_f32(vector):
    return list(struct.unpack(f"<{len(vector)}f", struct.pack(f"<{len(vector)}f", *vector)))


def test_curl(card, empty_vector):
    name, url, _ = card
    body = {"messages": [{"role": "user", "content": ""}], "encoding_format": "float", "truncate": "NONE"}
    if name == "nvidia/nv-embedcode-7b-v1":  # the other card's body names no model
        body["model"] = name
    done = subprocess.run(["curl", "-s", "-f", "-X", "POST", f"{url}/embeddings", "-H", "Authorization: Bearer nvapi-key", "-H",
                           "Accept: application/json", "-H", "Content-Type: application/json", "-d", json.dumps(body)],
                          capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    reply = json.loads(done.stdout)
    assert as_f32(reply["data"][0]["embedding"]) == as_f32(empty_vector)
    assert reply["object"] == "list" and reply["usage"]["prompt_tokens"] == reply["usage"]["total_tokens"] > 0


def test_openai_client(card, empty_vector):
    name, url, _ = card
    client = OpenAI(base_url=url, api_key="nvapi-key")
    reply = client.embeddings.create(input=[""], model=name, encoding_format="float",
                                     extra_body={"input_type": "", "truncate": "NONE"})
    assert as_f32(reply.data[0].embedding) == as_f32(empty_vector)


def test_langchain_client(card, empty_vector):
    name, url, _ = card
    client = NVIDIAEmbeddings(model=name, base_url=url, api_key="nvapi-key", truncate="NONE")
    passages = client.embed_documents(["", "a passage", ""])
    assert [as_f32(v) for v in passages[::2]] == [as_f32(empty_vector)] * 2
    assert len(client.embed_query("")) == len(empty_vector)


def test_openai_client_reads_the_same_floats_from_base64_and_decimals(card):
    name, url, _ = card
    texts = ["def f(x): return x", "naïve café", "a " * 300]
    decimals = post(f"{url}/embeddings", {"input": texts, "model": name})
    packed = post(f"{url}/embeddings", {"input": texts, "model": name, "encoding_format": "base64"})
    for a, b in zip(decimals["data"], packed["data"], strict=True):
        raw = base64.b64decode(b["embedding"], validate=True)
        assert as_f32(a["embedding"]) == list(struct.unpack(f"<{len(raw) // 4}f", raw))
    by_default = OpenAI(base_url=url, api_key="x").embeddings.create(input=texts, model=name)
    assert [as_f32(d.embedding) for d in by_default.data] == [as_f32(d["embedding"]) for d in decimals["data"]]


def test_a_served_vector_is_the_commands_vector(card, run, tmp_path):
    name, url, folder = card
    texts = ["one", "two two", "three three three " * 40, ""]
    served = post(f"{url}/embeddings", {"input": texts, "model": name, "input_type": "passage"})["data"]
    rows = tmp_path / "texts.jsonl"
    rows.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    made = [json.loads(line) for line in run("embed", rows, "--model", folder, "--input-type", "passage").stdout.splitlines()]
    assert [as_f32(d["embedding"]) for d in served] == [as_f32(m["embedding"]) for m in made]


def test_openai_client_understands_the_errors(card):
    name, url, _ = card
    client = OpenAI(base_url=url, api_key="x", max_retries=0)
    with pytest.raises(NotFoundError, match="is not served here"):
        client.embeddings.create(input="a", model="text-embedding-3-small")
    with pytest.raises(BadRequestError, match="exceeds maximum allowed token size"):
        client.embeddings.create(input="a " * 6000, model=name, extra_body={"truncate": "NONE"})
    assert client.embeddings.create(input="a " * 6000, model=name, extra_body={"truncate": "END"}).usage.total_tokens == 4096
    ids = [m.id for m in client.models.list()]
    assert name in ids
