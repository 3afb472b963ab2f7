#!/usr/bin/env python3
"""What PostgreSQL with pgvector finds in an index that was exported to it; needs lode, psql and nothing but Python.

    lode export ~/src/project --to pgvector -o chunks.sql && psql -f chunks.sql
    python3 examples/pgvector/search.py "where is the session token checked?"

psql finds the server by its own variables: PGHOST, PGUSER, PGDATABASE, PGPASSWORD ...
"""
import argparse
import json
import subprocess
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("question")
parser.add_argument("--files", action="store_true", help="files by their best chunk, without the index")
parser.add_argument("--lode", default="lode", help="the command")
parser.add_argument("--model", default="", help="the model that the index has vectors of")
args = parser.parse_args()

embed = [args.lode, "embed", "-", "--text-field", "text", "--input-type", "query", "--quiet"]
if args.model:
    embed += ["--model", args.model]
embedded = subprocess.run(embed, input=json.dumps({"text": args.question}), stdout=subprocess.PIPE, text=True, check=True)
vector = json.loads(embedded.stdout)["embedding"]

query = Path(__file__).parent / ("files.sql" if args.files else "chunks.sql")
subprocess.run(["psql", "-X", "-q", "--csv", "-v", "ON_ERROR_STOP=1", "-v", f"vector={vector}", "-f", query], check=True)
