# Haystack: pip install nvidia-haystack && python with_haystack.py
import json
import os

from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.embedders.nvidia import NvidiaDocumentEmbedder, NvidiaTextEmbedder

where = {
    "api_url": os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1"),
    "model": os.environ.get("MODEL", "all-minilm-l6-v2"),
    "api_key": Secret.from_token("none"),
    "truncate": "END",
}
documents = [Document(content=text) for text in ("The middleware checks it.", "naïve café, 東京, 😀", "")]
for document in NvidiaDocumentEmbedder(**where, progress_bar=False).run(documents)["documents"]:
    print(json.dumps(document.embedding))
print(json.dumps(NvidiaTextEmbedder(**where).run("Where is the session token checked?")["embedding"]))
