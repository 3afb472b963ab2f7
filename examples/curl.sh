#!/bin/sh
# curl: sh curl.sh
curl -sS --fail-with-body "${BASE_URL:-http://127.0.0.1:8080/v1}/embeddings" -H 'Content-Type: application/json' \
  -d '{"model": "'"${MODEL:-all-minilm-l6-v2}"'", "input": ["Where is the session token checked?", "naïve café, 東京, 😀", ""]}'
