#!/usr/bin/env python3
"""Parquet exports of MTEB's and CoIR's data sets (Hugging Face layout) as the JSON lines that `lode eval` reads.

    tools/parquet_to_jsonl.py EXPORT OUT        needs pyarrow

EXPORT is a data set's folder as it lies on the hub: corpus/, queries/, qrels/ or default/, top_ranked/ with SPLIT-00000-of-
00001.parquet, data/{corpus,queries}-*.parquet with the judgements beside them (CoIR), or data/SPLIT-*.parquet (pairs, classes,
sets). A subset in front (en-corpus/, en/test-*.parquet) becomes a folder OUT/en. Written are corpus.jsonl, queries.jsonl,
qrels/SPLIT.jsonl, top_ranked.jsonl and SPLIT.jsonl, parts joined in order, rows and fields as they are. Nothing is
downloaded; OUT must not exist or be empty."""
import argparse
import json
import re
import sys
from pathlib import Path

KINDS = {"corpus": "corpus", "queries": "queries", "query": "queries", "qrels": "qrels", "default": None, "data": None, "top_ranked": "top_ranked"}
QUERY, DOCUMENT = {"query-id", "query_id"}, {"corpus-id", "corpus_id"}


def place(path, columns):
    """(subset, file without ending) of a part: by its columns first, then by the names of folder and file."""
    split = re.sub(r"(-\d{5}-of-\d{5})?\.parquet$", "", path.name)
    subset, kind = "", None
    for folder in path.parts[:-1]:
        found = re.fullmatch(r"(?:(.+)-)?(corpus|queries|query|qrels|default|data|top_ranked)", folder)
        subset = "/".join(filter(None, (subset, found[1] if found else folder)))
        kind = (KINDS[found[2]] if found else None) or kind
    if columns & QUERY and columns & DOCUMENT:
        return subset, f"qrels/{split}"
    if columns & QUERY and columns & {"corpus-ids", "corpus_ids"}:
        return subset, "top_ranked"
    if kind in ("corpus", "queries"):
        return subset, kind
    if split in ("corpus", "queries") and columns & {"_id", "id"}:
        return subset, split
    return subset, split


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        sys.exit("pyarrow is missing: pip install pyarrow")
    parts = sorted(options.export.rglob("*.parquet"))
    if not parts:
        sys.exit(f"{options.export} has no .parquet file")
    if options.out.exists() and any(options.out.iterdir()):
        sys.exit(f"{options.out} is not empty")
    written = {}
    for part in parts:
        try:
            file = parquet.ParquetFile(part)
        except Exception as error:
            sys.exit(f"{part}: {error}")
        subset, name = place(part.relative_to(options.export), set(file.schema_arrow.names))
        path = options.out / subset / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if path in written else "w") as out:
            for batch in file.iter_batches(batch_size=4096):
                for row in batch.to_pylist():
                    out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
                    written[path] = written.get(path, 0) + 1
    for path, rows in written.items():
        print(f"{path}: {rows} rows")


if __name__ == "__main__":
    main()
