"""Asks our measures: EVAL_PROBE names the built tests/eval/eval_probe, a JSON object a line in and out."""
import json
import math
import os
import subprocess

TOLERANCE = 1e-9


def probe(requests):
    """-> one result a request."""
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([os.environ["EVAL_PROBE"]], input=text, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def same(ours, theirs):
    if ours is None or math.isnan(theirs):
        return ours is None and math.isnan(theirs)  # JSON has no NaN
    return ours == theirs or abs(ours - theirs) <= TOLERANCE * max(1.0, abs(theirs))
