# LlamaIndex's NVIDIA class: pip install llama-index-embeddings-nvidia && python with_llama_index.py
import asyncio
import json
import os

from llama_index.embeddings.nvidia import NVIDIAEmbedding

embedding = NVIDIAEmbedding(
    base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1"),
    model=os.environ.get("MODEL", "all-minilm-l6-v2"),
    api_key="none",
    truncate="END",
)
for vector in embedding.get_text_embedding_batch(["The middleware checks it.", "naïve café, 東京, 😀", ""]):
    print(json.dumps(vector))
# get_query_embedding (not async) sends input_type "passage" in 0.6.0: with a model that has prompts, ask asynchronously.
print(json.dumps(asyncio.run(embedding.aget_query_embedding("Where is the session token checked?"))))
