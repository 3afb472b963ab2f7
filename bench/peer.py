"""The protocol by which `lode bench model --against` runs an engine that is a Python package; docs/performance.md says it."""
import json
import os
import statistics
import time
from pathlib import Path


def arguments(parser):
    """Adds the protocol's options and reads the command line."""
    parser.add_argument("--texts", required=True, help="a file with one JSON string a line")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--each", action="store_true", help="one text a call: the median of their times")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when the package is imported
        os.environ[name] = str(args.threads)
    return args


def max_tokens(folder):
    """The length that sentence-transformers cuts texts of this model to."""
    return json.loads((Path(folder) / "sentence_bert_config.json").read_text())["max_seq_length"]


def answer(args, embed, dtype):
    """Times embed(texts) -> vectors after a warm-up and prints the line that lode bench reads."""
    texts = [json.loads(line) for line in Path(args.texts).read_text().splitlines()]
    if args.each:
        for i in range(30):
            embed([texts[i % len(texts)]])
        times = []
        for text in texts:
            start = time.perf_counter()
            embed([text])
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"p50_ms": statistics.median(times), "dtype": dtype}))
        return
    embed(texts[:64])
    start = time.perf_counter()
    embed(texts)
    print(json.dumps({"texts_per_second": len(texts) / (time.perf_counter() - start), "dtype": dtype}))
