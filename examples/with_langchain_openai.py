# LangChain's OpenAI class: pip install langchain-openai && python with_langchain_openai.py
import json
import os

from langchain_openai import OpenAIEmbeddings

embeddings = OpenAIEmbeddings(
    base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1"),
    model=os.environ.get("MODEL", "all-minilm-l6-v2"),
    api_key="none",
    check_embedding_ctx_length=False,  # else it sends OpenAI's token ids, which mean nothing to other models
)
for vector in embeddings.embed_documents(["Where is the session token checked?", "naïve café, 東京, 😀", ""]):
    print(json.dumps(vector))
