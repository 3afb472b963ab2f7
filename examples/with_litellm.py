# LiteLLM: pip install litellm && python with_litellm.py
import json
import os

import litellm

base_url = os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1")
model = os.environ.get("MODEL", "all-minilm-l6-v2")
texts = ["Where is the session token checked?", "naïve café, 東京, 😀", ""]

# nvidia_nim passes input_type and truncate on; openai is for servers that know neither.
reply = litellm.embedding(f"nvidia_nim/{model}", texts, api_base=base_url, api_key="none", input_type="passage", truncate="END")
for row in reply.data:
    print(json.dumps(row["embedding"]))
