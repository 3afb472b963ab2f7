"""What OpenAI's and LangChain's clients do besides the happy path, against a model with prompts: both sides of a search, async,
base64, batches, every kind of error, a full queue. And the bodies of clients that are not installed here. Vectors are those of
`lode embed`, bit for bit."""
import asyncio
import base64
import json
import urllib.request

import pytest
from busy_server import BusyFront, ask, full_server
from conftest import running_server
from example_programs import ANSWER, FOREIGN, QUESTION, commands_vectors, f32
from langchain_nvidia_ai_endpoints import NVIDIAEmbeddings
from openai import AsyncOpenAI, AuthenticationError, BadRequestError, OpenAI, RateLimitError

NAME = "nvidia/nv-embedcode-7b-v1"
TOO_LONG = "exceeds maximum allowed token size 4096"


@pytest.fixture(scope="module")
def folder(checkpoint):
    return checkpoint("nv-embedcode", "tiny")


@pytest.fixture(scope="module")
def url(lode, folder):
    with running_server(lode, "--model", folder, "--alias", f"{NAME}={folder}") as url:
        yield url


@pytest.fixture(scope="module")
def expected(lode, folder):
    """expected(side, *texts) -> bytes of the command's vectors"""
    return lambda side, *texts: commands_vectors(lode, folder, [(text, side) for text in texts])


@pytest.fixture
def openai(url):
    return OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


@pytest.fixture
def langchain(url):
    return lambda **options: NVIDIAEmbeddings(**{"base_url": f"{url}/v1", "model": NAME, "api_key": "none", **options})


@pytest.fixture(scope="module")
def refusal(lode, default_model):
    """What a server with a full queue says: (status, headers, body)."""
    with full_server(lode) as url:
        with pytest.raises(RateLimitError, match="queue"):
            OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0).embeddings.create(model="all-minilm-l6-v2", input="a")
        with pytest.raises(Exception, match=r"^\[429\] .*queue"):
            NVIDIAEmbeddings(base_url=url, model="all-minilm-l6-v2", api_key="none").embed_query("a")
        return ask(url, {"input": "a"})


def test_the_two_sides_of_a_search_have_their_own_prompts(langchain, openai, expected):
    passages, (query,) = expected("passage", ANSWER, FOREIGN, ""), expected("query", QUESTION)
    assert query != expected("passage", QUESTION)[0]
    embeddings = langchain()
    assert [f32(v) for v in embeddings.embed_documents([ANSWER, FOREIGN, ""])] == passages
    assert f32(embeddings.embed_query(QUESTION)) == query

    def ask(model, **extra):
        return f32(openai.embeddings.create(model=model, input=QUESTION, extra_body=extra).data[0].embedding)

    assert ask(NAME, input_type="query") == query == ask(f"{NAME}-query")
    assert ask(NAME, input_type="passage") == expected("passage", QUESTION)[0] == ask(f"{NAME}-passage")


def test_async_clients_get_the_same_bits(langchain, url, expected):
    async def everything():
        embeddings = langchain()
        async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            create = client.embeddings.create
            return await asyncio.gather(
                embeddings.aembed_documents([ANSWER, FOREIGN, ""]), embeddings.aembed_query(QUESTION),
                create(model=NAME, input=[ANSWER, FOREIGN, ""]),
                create(model=NAME, input=QUESTION, extra_body={"input_type": "query"}))

    documents, query, passages, question = asyncio.run(everything())
    assert [f32(v) for v in documents] == [f32(d.embedding) for d in passages.data] == expected("passage", ANSWER, FOREIGN, "")
    assert f32(query) == f32(question.data[0].embedding) == expected("query", QUESTION)[0]


def test_openai_asks_for_base64_unless_told_otherwise_and_gets_it(openai, expected):
    raw = openai.embeddings.with_raw_response.create(model=NAME, input=[ANSWER, FOREIGN])
    assert json.loads(raw.http_request.content)["encoding_format"] == "base64"
    assert all(isinstance(row["embedding"], str) for row in raw.http_response.json()["data"])
    decimals = openai.embeddings.create(model=NAME, input=[ANSWER, FOREIGN], encoding_format="float")
    assert [f32(d.embedding) for d in raw.parse().data] == [f32(d.embedding) for d in decimals.data] == expected(
        "passage", ANSWER, FOREIGN)


def test_langchain_puts_its_batches_of_fifty_in_order(langchain, expected):
    texts = [f"text number {i} " + "and more " * (i * 7 % 23) for i in range(101)]
    assert [f32(v) for v in langchain().embed_documents(texts)] == expected("passage", *texts)


def test_langchain_finds_the_model_and_the_version_by_itself(url, expected, folder):
    with pytest.warns(UserWarning, match="Default model is set as"):
        embeddings = NVIDIAEmbeddings(base_url=url, api_key="none")
    assert embeddings.base_url == f"{url}/v1"
    assert f32(embeddings.embed_query(QUESTION)) == expected("query", QUESTION)[0]
    assert embeddings.model in [model.id for model in embeddings.available_models]


def test_too_long_is_an_error_or_a_cut_as_the_client_chose(langchain, openai, lode, run, folder, tmp_path):
    texts = ["short", "nvidia " * 5000 + "embed " * 5000, "short again"]
    for call in (lambda: langchain().embed_documents(texts), lambda: langchain(truncate="NONE").embed_query(texts[1]),
                 lambda: asyncio.run(langchain().aembed_documents(texts))):
        with pytest.raises(Exception, match=rf"^\[400\] [^\n]*{TOO_LONG}"):
            call()
    with pytest.raises(BadRequestError, match=TOO_LONG) as refused:
        openai.embeddings.create(model=NAME, input=texts)
    assert refused.value.code == "context_length_exceeded" and refused.value.param == "input"

    rows = tmp_path / "texts.jsonl"
    rows.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))

    def commands(how):
        made = run("embed", rows, "--model", folder, "--input-type", "passage", "--truncate", how, "--quiet").stdout
        return [f32(json.loads(line)["embedding"]) for line in made.splitlines()]

    start, end = commands("start"), commands("end")
    assert start[1] != end[1] and start[::2] == end[::2]
    assert [f32(v) for v in langchain(truncate="START").embed_documents(texts)] == start
    reply = openai.embeddings.create(model=NAME, input=texts, extra_body={"truncate": "END"})
    assert [f32(d.embedding) for d in reply.data] == end


def test_dimensions_are_the_models_or_an_error(openai, langchain, expected):
    n = len(openai.embeddings.create(model=NAME, input=ANSWER).data[0].embedding)
    assert f32(openai.embeddings.create(model=NAME, input=ANSWER, dimensions=n).data[0].embedding) == expected("passage", ANSWER)[0]
    assert f32(langchain(dimensions=n).embed_query(QUESTION)) == expected("query", QUESTION)[0]
    for wrong in (-1, n + 1):
        with pytest.raises(BadRequestError, match="dimensions"):
            openai.embeddings.create(model=NAME, input=ANSWER, dimensions=wrong)
        with pytest.raises(Exception, match=r"^\[400\](.|\n)*dimensions"):
            langchain(dimensions=wrong).embed_query(ANSWER)


def test_errors_are_readable_in_each_client(openai, langchain):
    with pytest.raises(BadRequestError, match="check_embedding_ctx_length=False"):  # another tokenizer's ids
        openai.embeddings.create(model=NAME, input=[[9906, 1917], [1]])
    with pytest.raises(BadRequestError, match="at least 1 item"):
        openai.embeddings.create(model=NAME, input=[])
    with pytest.raises(BadRequestError, match="'NONE', 'START' or 'END'"):
        openai.embeddings.create(model=NAME, input="a", extra_body={"truncate": "MIDDLE"})
    with pytest.raises(Exception, match=r"^\[404\] [^\n]*'acme/nothing' is not served here"):
        langchain(model="acme/nothing").embed_query("a")
    with pytest.raises(Exception, match=r"^\[404\] [^\n]*'acme/nothing' is not served here"):
        asyncio.run(langchain(model="acme/nothing").aembed_query("a"))


def test_with_keys_and_strict_nim_each_client_is_told_what_it_lacks(lode, folder, expected, monkeypatch):
    monkeypatch.setenv("LODE_API_KEY", "right-key")
    with running_server(lode, "--model", folder, "--alias", f"{NAME}={folder}", "--strict-nim") as url:
        with pytest.raises(AuthenticationError):
            OpenAI(base_url=f"{url}/v1", api_key="wrong-key").embeddings.create(model=NAME, input="a")
        with pytest.raises(Exception, match=r"^\[401\] "):
            NVIDIAEmbeddings(base_url=url, model=NAME, api_key="wrong-key").embed_query("a")
        langchain = NVIDIAEmbeddings(base_url=url, model=NAME, api_key="right-key")
        assert f32(langchain.embed_query(QUESTION)) == expected("query", QUESTION)[0]
        openai = OpenAI(base_url=f"{url}/v1", api_key="right-key")
        with pytest.raises(BadRequestError) as refused:
            openai.embeddings.create(model=NAME, input=QUESTION)
        # NIM's `error` is a string: newer OpenAI clients print the status alone and keep the words in `body`.
        assert "'input_type' parameter is required" in str(refused.value.body)
        assert f32(openai.embeddings.create(model=f"{NAME}-query", input=QUESTION).data[0].embedding) == expected(
            "query", QUESTION)[0]


def test_openai_waits_as_long_as_a_full_queue_asks(refusal, url, expected):
    assert refusal[0] == 429 and refusal[1]["Retry-After"] == "1"
    with BusyFront(url, refusal, n=2) as front:
        raw = OpenAI(base_url=f"{front.url}/v1", api_key="none").embeddings.with_raw_response.create(model=NAME, input=ANSWER)
    assert raw.retries_taken == 2 and f32(raw.parse().data[0].embedding) == expected("passage", ANSWER)[0]
    assert all(1 <= pause for pause in front.pauses()), "it came back sooner than Retry-After says"


def test_langchain_does_not_try_again_but_says_why(refusal, url):
    with BusyFront(url, refusal) as front, pytest.raises(Exception, match=r"^\[429\] "):
        NVIDIAEmbeddings(base_url=front.url, model=NAME, api_key="none").embed_query("a")
    assert len(front.asked) == 1


# Client, path, headers besides Content-Type, fields besides model; what it reads.
BODIES = [
    ("Continue, nvidia", "/v1/embeddings", {}, {"input_type": "passage", "truncate": "END"}, "float"),
    ("Continue, openai", "/v1/embeddings", {"api-key": "none"}, {}, "float"),
    ("Roo Code", "/v1/embeddings", {"api-key": "none"}, {"encoding_format": "base64"}, "base64"),
    ("Haystack, URL without v1", "/embeddings", {}, {"input_type": "passage"}, "float"),
    ("nv-ingest", "/v1/embeddings", {}, {"input_type": "passage", "truncate": "END", "encoding_format": "float",
                                         "modality": "text"}, "float"),
    ("nv-ingest, a modality each", "/v1/embeddings", {}, {"input_type": "passage", "truncate": "NONE", "encoding_format": "float",
                                                          "modality": ["text", "text", "text"]}, "float"),
    ("Elasticsearch", "/v1/embeddings", {}, {"input_type": "passage", "truncate": None}, "float"),
    ("LiteLLM of old", "/v1/embeddings", {}, {"encoding_format": None, "user": None, "dimensions": None, "input_type": "passage"},
     "float"),
    ("aiperf", "/v1/embeddings", {}, {"input_type": "passage", "truncate": "NONE", "user": "bench"}, "float"),
    ("a slash behind", "/v1/embeddings/", {}, {}, "float"),
]


@pytest.mark.parametrize("path,headers,fields,reads", [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_the_bodies_of_clients_that_are_not_installed_here(url, expected, path, headers, fields, reads):
    body = {"model": NAME, "input": [ANSWER, FOREIGN, "x = 1"], **fields}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as response:
        reply = json.load(response)
    rows = [row["embedding"] for row in reply["data"]]
    assert [base64.b64decode(row, validate=True) if reads == "base64" else f32(row) for row in rows] == expected(
        "passage", ANSWER, FOREIGN, "x = 1")
    assert [row["index"] for row in reply["data"]] == [0, 1, 2] and reply["usage"]["total_tokens"] > 0
    assert reply["usage"]["prompt_tokens"] == reply["usage"]["total_tokens"]
