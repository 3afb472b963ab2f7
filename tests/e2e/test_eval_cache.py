"""`lode eval` keeps vectors: a run that was killed goes on, whatever was kept the scores are the same bytes, and a disk that
cannot keep them costs a note."""
import json
import os
import random
import resource
import signal
import subprocess
import time

import pytest

WORDS = "cell gene mouse protein bind grow decay signal therapy trial cohort risk dose brain heart liver rate rise fall cause".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A retrieval task of 200 documents, some of them equal."""
    folder = tmp_path_factory.mktemp("data") / "SciFact"
    (folder / "qrels").mkdir(parents=True)
    dice = random.Random(5)
    texts = [" ".join(dice.choices(WORDS, k=dice.randint(5, 70))) for _ in range(180)]
    texts += texts[:20]
    rows = [{"_id": f"d{i}", "title": "", "text": text} for i, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    queries = [{"_id": f"q{i}", "text": " ".join(dice.choices(WORDS, k=6))} for i in range(20)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    judged = "".join(f"q{i}\td{dice.randrange(200)}\t1\n" for i in range(20))
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return folder.parent


@pytest.fixture
def evaluate(lode, default_model, data):
    """evaluate(*args) -> a started `lode eval SciFact` with a cache."""
    env = {name: value for name, value in os.environ.items() if name != "LODE_NO_CACHE"}

    def start(*args, **options):
        command = [lode, "eval", "SciFact", "--data", data, "--json", *args]
        return subprocess.Popen(list(map(str, command)), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)

    return start


def finish(process):
    """-> (the report without its times, the notes)."""
    out, notes = process.communicate(timeout=300)
    assert process.returncode == 0, notes
    report = json.loads(out)
    report.pop("seconds")
    return report, notes


def ranking(folder):
    run, = folder.rglob("*.trec")
    return run.read_bytes()


@pytest.fixture(scope="module")
def uncached(lode, default_model, data, tmp_path_factory):
    """The report and the ranking without a cache."""
    out = tmp_path_factory.mktemp("uncached")
    done = subprocess.run([lode, "eval", "SciFact", "--data", data, "--json", "--no-cache", "--out", out], check=True,
                          capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k != "LODE_NO_CACHE"})
    report = json.loads(done.stdout)
    report.pop("seconds")
    return report, ranking(out)


def kept_rows(cache):
    """Rows that the next run finds: those that have an entry. A killed run may leave some without, and they are cut off."""
    header, entry = 24, 24
    return sum(max(file.stat().st_size - header, 0) // entry for file in cache.glob("*/keys"))


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(evaluate, uncached, tmp_path):
    cache = tmp_path / "cache"
    seen = []
    for _ in range(3):
        before = kept_rows(cache)
        process = evaluate("--cache", cache)
        while kept_rows(cache) == before and process.poll() is None:
            time.sleep(0.005)
        process.kill()  # as soon as something was appended
        process.communicate()
        seen.append(kept_rows(cache))
    assert seen[0] > 0 and seen == sorted(seen)
    report, notes = finish(evaluate("--cache", cache, "--out", tmp_path / "out"))
    assert (report, ranking(tmp_path / "out")) == uncached
    assert "keeps 200 " in notes  # 180 texts of the corpus, each once, and 20 queries
    again, notes = finish(evaluate("--cache", cache, "--threads", "1", "--out", tmp_path / "again"))
    assert (again, ranking(tmp_path / "again")) == uncached and "220 read, 0 encoded" in notes


def test_two_runs_at_once_share_a_cache(evaluate, uncached, tmp_path):
    runs = [evaluate("--cache", tmp_path / "cache", "--out", tmp_path / f"out{i}") for i in range(2)]
    for i, run in enumerate(runs):
        report, _ = finish(run)
        assert (report, ranking(tmp_path / f"out{i}")) == uncached
    report, notes = finish(evaluate("--cache", tmp_path / "cache"))
    assert report == uncached[0] and "220 read, 0 encoded" in notes


def test_ctrl_c_keeps_what_was_done(evaluate, uncached, tmp_path):
    cache = tmp_path / "cache"
    process = evaluate("--cache", cache)
    while kept_rows(cache) == 0 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert kept_rows(cache) > 0
    assert finish(evaluate("--cache", cache))[0] == uncached[0]


def test_a_damaged_cache_changes_no_score(evaluate, uncached, tmp_path):
    cache = tmp_path / "cache"
    finish(evaluate("--cache", cache))
    for name, step in [("vectors", 90_001), ("keys", 1_009)]:
        file, = cache.glob(f"*/{name}")
        content = bytearray(file.read_bytes())
        for at in range(100, len(content), step):
            content[at] ^= 1 << at % 8
        file.write_bytes(content[:-1])
    report, notes = finish(evaluate("--cache", cache))
    assert report == uncached[0] and "were damaged" in notes
    assert "220 read, 0 encoded" in finish(evaluate("--cache", cache))[1]


def test_a_disk_that_keeps_nothing_costs_a_note(evaluate, uncached, tmp_path):
    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    report, notes = finish(evaluate("--cache", tmp_path / "cache", preexec_fn=little_room))
    assert report == uncached[0] and notes.count("from here on vectors are not kept") == 1
    (tmp_path / "file").write_text("")
    report, notes = finish(evaluate("--cache", tmp_path / "file/below", "--quiet"))
    assert report == uncached[0] and "vectors are not kept" in notes


def test_a_part_of_the_data_is_named_as_such(evaluate, lode, data, tmp_path):
    report, _ = finish(evaluate("--cache", tmp_path / "cache", "--limit", "2"))
    assert report["limit"] == 2
    done = subprocess.run([lode, "eval", "SciFact", "--data", data, "--model", "bm25", "--limit", "3"], capture_output=True,
                          text=True, check=True)
    assert "--limit 3" in done.stdout
