"""What the Python clients that only `make clients` has do besides the happy path, with a model that has a query prompt. The
traps are the clients': a test that says so fails when a newer version no longer has it, and the examples can be simpler then."""
import asyncio
import base64

import litellm
import openai
import pytest
import tiktoken
from busy_server import BusyFront
from conftest import NAME
from example_programs import ANSWER, FOREIGN, QUESTION, f32
from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.embedders.nvidia import NvidiaDocumentEmbedder, NvidiaTextEmbedder
from langchain_openai import OpenAIEmbeddings
from llama_index.embeddings.nvidia import NVIDIAEmbedding

TOO_LONG = "exceeds maximum allowed token size 4096"
LONG = "nvidia " * 10240


@pytest.fixture
def front(prompted_server):
    """The server, with what it is sent in `bodies`."""
    with BusyFront(prompted_server) as front:
        yield front


def bits(vectors):
    return [f32(vector) for vector in vectors]


class TestLangChainOpenAI:
    def make(self, front, **options):
        options = {"base_url": f"{front.url}/v1", "model": NAME, "api_key": "none", "max_retries": 0, **options}
        return OpenAIEmbeddings(**options)

    def test_texts_sync_and_async(self, front, expected):
        embeddings = self.make(front, check_embedding_ctx_length=False)
        texts = [ANSWER, FOREIGN, ""]
        assert bits(embeddings.embed_documents(texts)) == expected("passage", *texts)
        assert bits(asyncio.run(embeddings.aembed_documents(texts))) == expected("passage", *texts)
        assert all(body["input"] == texts and body["encoding_format"] == "base64" for body in front.bodies)

    def test_it_knows_no_sides_so_the_name_says_which(self, front, expected):
        queries = self.make(front, check_embedding_ctx_length=False, model=f"{NAME}-query")
        assert f32(queries.embed_query(QUESTION)) == expected("query", QUESTION)[0]
        side = self.make(front, check_embedding_ctx_length=False, model_kwargs={"extra_body": {"input_type": "query"}})
        assert f32(side.embed_query(QUESTION)) == expected("query", QUESTION)[0]

    def test_trap_by_default_it_sends_token_ids_and_is_told_how_not_to(self, front, monkeypatch):
        # OpenAI's vocabularies are downloaded; any ids will do here.
        letters = tiktoken.Encoding("letters", pat_str=r"[\s\S]", mergeable_ranks={bytes([i]): i for i in range(256)},
                                    special_tokens={})
        monkeypatch.setattr(tiktoken, "encoding_for_model", lambda _: letters)
        monkeypatch.setattr(tiktoken, "get_encoding", lambda _: letters)
        with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
            self.make(front).embed_documents(["ab"])
        assert front.bodies[0]["input"] == [[97, 98]]

    def test_errors(self, front):
        with pytest.raises(openai.BadRequestError, match=TOO_LONG):
            self.make(front, check_embedding_ctx_length=False).embed_query(LONG)
        with pytest.raises(openai.NotFoundError, match="is not served here"):
            self.make(front, check_embedding_ctx_length=False, model="text-embedding-3-small").embed_query("a")


class TestLlamaIndex:
    def make(self, front, **options):
        return NVIDIAEmbedding(**{"base_url": f"{front.url}/v1", "model": NAME, "api_key": "none", "max_retries": 0, **options})

    def test_texts_and_async_queries(self, front, expected):
        embedding = self.make(front)
        texts = [ANSWER, FOREIGN, ""]
        assert bits(embedding.get_text_embedding_batch(texts)) == expected("passage", *texts)

        async def both():
            return await embedding.aget_text_embedding_batch(texts), await embedding.aget_query_embedding(QUESTION)

        documents, query = asyncio.run(both())
        assert bits(documents) == expected("passage", *texts) and f32(query) == expected("query", QUESTION)[0]

    def test_trap_a_query_that_is_not_async_is_sent_as_a_passage(self, front, expected):
        assert f32(self.make(front).get_query_embedding(QUESTION)) == expected("passage", QUESTION)[0]
        assert front.bodies[0]["input_type"] == "passage"
        # The name does not help: an explicit input_type wins over it.
        assert f32(self.make(front, model=f"{NAME}-query").get_query_embedding(QUESTION)) == expected("passage", QUESTION)[0]

    def test_it_finds_the_model_by_itself(self, prompted_server, expected):
        with pytest.warns(UserWarning, match="Default model is set as"):
            embedding = NVIDIAEmbedding(base_url=f"{prompted_server}/v1", api_key="none")
        assert f32(embedding.get_text_embedding(ANSWER)) == expected("passage", ANSWER)[0]

    def test_too_long(self, front, expected):
        with pytest.raises(openai.BadRequestError, match=TOO_LONG):
            self.make(front, truncate="NONE").get_text_embedding(LONG)
        assert f32(self.make(front, truncate="END").get_text_embedding(LONG)) == expected("passage", LONG)[0]


class TestLiteLLM:
    def embed(self, front, texts, model=f"nvidia_nim/{NAME}", **options):
        options = {"api_base": f"{front.url}/v1", "api_key": "none", "max_retries": 0, **options}
        return bits(row["embedding"] for row in litellm.embedding(model, texts, **options).data)

    def test_nvidia_nim_passes_the_side_on(self, front, expected):
        assert self.embed(front, [ANSWER, FOREIGN, ""], input_type="passage") == expected("passage", ANSWER, FOREIGN, "")
        assert self.embed(front, [QUESTION], input_type="query") == expected("query", QUESTION)
        assert [body["input_type"] for body in front.bodies] == ["passage", "query"]
        assert self.embed(front, [LONG], truncate="END") == expected("passage", LONG)

    @pytest.mark.parametrize("provider", ["nvidia_nim", "openai"])
    @pytest.mark.parametrize("encoding", [None, "float", "base64"])
    def test_every_encoding_of_both_providers(self, front, expected, provider, encoding):
        if encoding == "base64":  # LiteLLM hands the text on as it is
            reply = litellm.embedding(f"{provider}/{NAME}", [ANSWER], api_base=f"{front.url}/v1", api_key="none",
                                      encoding_format="base64")
            assert base64.b64decode(reply.data[0]["embedding"]) == expected("passage", ANSWER)[0]
        else:
            assert self.embed(front, [ANSWER], f"{provider}/{NAME}", encoding_format=encoding) == expected("passage", ANSWER)

    def test_async(self, front, expected):
        reply = asyncio.run(litellm.aembedding(f"nvidia_nim/{NAME}", [QUESTION], api_base=f"{front.url}/v1", api_key="none",
                                               input_type="query"))
        assert f32(reply.data[0]["embedding"]) == expected("query", QUESTION)[0]

    def test_errors(self, front):
        with pytest.raises(litellm.BadRequestError, match=TOO_LONG):
            self.embed(front, [LONG])
        with pytest.raises(litellm.NotFoundError, match="is not served here"):
            self.embed(front, ["a"], "nvidia_nim/acme/nothing")


class TestHaystack:
    def where(self, url):
        return {"api_url": url, "model": NAME, "api_key": Secret.from_token("none")}

    @pytest.mark.parametrize("suffix", ["", "/v1"])
    def test_documents_in_batches_and_a_query(self, front, expected, suffix):
        texts = [f"document {i} " + "word " * (i * 5 % 17) for i in range(70)]
        done = NvidiaDocumentEmbedder(**self.where(front.url + suffix), progress_bar=False).run([Document(content=t) for t in texts])
        assert bits(document.embedding for document in done["documents"]) == expected("passage", *texts)
        assert done["meta"]["usage"]["total_tokens"] > 70 and len(front.bodies) == 3
        query = NvidiaTextEmbedder(**self.where(front.url + suffix)).run(QUESTION)["embedding"]
        assert f32(query) == expected("query", QUESTION)[0]

    def test_errors_show_the_servers_words(self, front):
        with pytest.raises(Exception, match=TOO_LONG):
            NvidiaTextEmbedder(**self.where(front.url)).run(LONG)
