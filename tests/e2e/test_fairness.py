"""A request of 8,191 texts and 32 MB beside single short ones: it works, its vectors are right, and the others hardly wait."""
import json
import threading
import time

import pytest

from serving import as_bytes, serving, vectors

pytestmark = pytest.mark.alone
N_TEXTS, N_CHARS = 8191, 4060


def text(i):
    """Few tokens in many bytes."""
    return (f"{i} " + "again " * (i % 4)).ljust(N_CHARS)


def pass_seconds(samples):
    """-> (passes, seconds) so far."""
    n, = (v for k, v in samples.items() if k.startswith("lode_pass_duration_seconds_count"))
    seconds, = (v for k, v in samples.items() if k.startswith("lode_pass_duration_seconds_sum"))
    return n, seconds


def test_single_queries_keep_their_pace_beside_8191_texts(lode, run, default_model, tmp_path):
    body = json.dumps({"input": [text(i) for i in range(N_TEXTS)], "truncate": "END", "encoding_format": "float"})
    assert 31 << 20 < len(body) <= 32 << 20
    with serving(lode) as server:
        server.embed(input=["warm"] * 64)
        bulk = {}

        def load():
            # Decoding the reply here would hold up the other client of this interpreter, not the server's.
            connection = server.connect(300)
            connection.request("POST", "/v1/embeddings", body)
            response = connection.getresponse()
            bulk["status"], bulk["reply"] = response.status, response.read()

        connection = server.connect()
        thread = threading.Thread(target=load)
        thread.start()
        while thread.is_alive() and not any(v for k, v in server.metrics().items() if k.startswith("lode_queue_requests")):
            time.sleep(0.02)
        before, took = pass_seconds(server.metrics()), []
        while thread.is_alive():
            asked = time.monotonic()
            server.embed(connection, input="a short query", encoding_format="base64")
            took.append(time.monotonic() - asked)
            if not any(v for k, v in server.metrics().items() if k.startswith("lode_queue_requests")):
                break
        after = pass_seconds(server.metrics())
        thread.join()
        n_passes, seconds = after[0] - before[0], after[1] - before[1]
        p99 = sorted(took)[max(0, -(-99 * len(took) // 100) - 1)]
        print(f"{len(took)} single queries beside {N_TEXTS} texts: p99 {1000 * p99:.0f} ms, {n_passes:.0f} passes of {1000 * seconds / n_passes:.0f} ms")
        assert bulk["status"] == 200, bulk["reply"][:500]
        assert len(took) >= 5 and n_passes >= 5
        assert p99 < 3 * seconds / n_passes

        got = vectors(json.loads(bulk["reply"]))
        picked = [0, 1, 12, 4095, N_TEXTS - 1]
        rows = tmp_path / "rows.jsonl"
        rows.write_text("".join(json.dumps({"text": text(i)}) + "\n" for i in picked))
        lines = run("embed", rows, "--quiet").stdout.splitlines()
        assert len(got) == N_TEXTS
        assert [got[i] for i in picked] == [as_bytes(json.loads(line)["embedding"]) for line in lines]
        assert server.stop() == 0
