# LangChain's NVIDIA class: pip install langchain-nvidia-ai-endpoints && python with_langchain_nvidia.py
import json
import os

from langchain_nvidia_ai_endpoints import NVIDIAEmbeddings

embeddings = NVIDIAEmbeddings(
    base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1"),
    model=os.environ.get("MODEL", "all-minilm-l6-v2"),
    api_key="none",
    truncate="END",  # the default, NONE, refuses a text that is too long
)
for vector in embeddings.embed_documents(["The middleware checks it.", "naïve café, 東京, 😀", ""]):
    print(json.dumps(vector))
print(json.dumps(embeddings.embed_query("Where is the session token checked?")))
