# openai-python: pip install openai && python with_openai.py
import json
import os

from openai import OpenAI

client = OpenAI(base_url=os.environ.get("BASE_URL", "http://127.0.0.1:8080/v1"), api_key="none")
reply = client.embeddings.create(
    model=os.environ.get("MODEL", "all-minilm-l6-v2"),
    input=["Where is the session token checked?", "naïve café, 東京, 😀", ""],
    extra_body={"input_type": "passage"},  # "query" for what is searched with; a model without prompts ignores it
)
for row in reply.data:
    print(json.dumps(row.embedding))
