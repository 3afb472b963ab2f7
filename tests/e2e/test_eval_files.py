"""`lode eval swebench-lite` over a small repository: packed trees and a git clone rank alike, by BM25, a model and both."""
import itertools
import json
import lzma
import subprocess

import pytest
from trees import write_files

FILES = {
    "shop/basket.py": "class Basket:\n    def add(self, item):\n        self.items.append(item)\n\n    def total(self):\n        return sum(item.price for item in self.items)\n",
    "shop/discount.py": "def reduce(price, percent):\n    return price - price * percent / 100\n",
    "net/http.py": "def fetch(url, timeout):\n    connection = open_socket(url)\n    connection.settimeout(timeout)\n    return connection.read()\n",
    "net/dns.py": "def resolve(name):\n    return lookup(name)\n",
    "graphics/colour.py": "def mix(red, green, blue):\n    return red << 16 | green << 8 | blue\n",
    "graphics/__init__.py": "",
    "tests/test_http.py": "def test_fetch():\n    assert fetch('http://example.org', 1)\n",
    "notes.txt": "fetch and timeout stand here too\n",
}
ISSUES = [
    ("the network request never times out although a timeout is given to fetch", "net/http.py"),
    ("my shopping cart shows a wrong amount when several goods lie there", "shop/basket.py"),
]


def git(folder, *args):
    env = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin"}
    return subprocess.run(["git", "-C", folder, *args], check=True, capture_output=True, text=True, env=env).stdout.strip()


def is_candidate(path):
    words = set(path.lower().replace("_", "/").replace(".", "/").replace(" ", "/").split("/"))
    return path.endswith(".py") and not words & {"test", "tests", "testing"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """(folder of data sets with packed trees, folder of clones): two issues at two commits."""
    data, clones = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("clones")
    work = clones / "someone__thing"
    work.mkdir()
    git(work, "init", "-q")
    rows, index, blobs, tree = [], [], [], {}
    for number, (statement, gold) in enumerate(ISSUES):
        write_files(work, FILES)
        if number == 1:
            (work / "net/dns.py").unlink()
            (work / "link.py").symlink_to("net/http.py")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", f"commit {number}")
        commit = git(work, "rev-parse", "HEAD")
        rows.append({"instance_id": f"someone__thing-{number}", "repo": "someone/thing", "base_commit": commit,
                     "problem_statement": statement, "patch": f"--- a/{gold}\n+++ b/{gold}\n@@ -1 +1 @@\n"})
        now = {path: text for path, text in FILES.items() if is_candidate(path) and (work / path).exists()}
        changes = [f"-\t{path}" for path in tree if path not in now]
        for path, text in now.items():
            if text not in blobs:
                index.append(f"B\t{len(blobs)}\t{sum(len(b) for b in blobs)}\t{len(text)}\t-")
                blobs.append(text)
            if tree.get(path) != text:
                changes.append(f"+\t{path}\t{blobs.index(text)}")
        index += [f"I\tsomeone__thing-{number}\t{commit}\t{len(now)}", *changes]
        tree = now
    corpus = data / "swebench_lite/corpus"
    corpus.mkdir(parents=True)
    (data / "swebench_lite/swebench_lite_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (corpus / "someone__thing.index.tsv.xz").write_bytes(lzma.compress("".join(line + "\n" for line in index).encode()))
    (corpus / "someone__thing.blobs.xz").write_bytes(lzma.compress("".join(blobs).encode()))
    return data, clones


@pytest.fixture
def ranked(lode, small, tmp_path):
    """ranked(*args) -> (the report, {issue: [path, ...] best first}, {issue: [score, ...]})"""
    counter = itertools.count()

    def call(*args):
        out = tmp_path / str(next(counter))
        done = subprocess.run([lode, "eval", "swebench-lite", "--data", small[0], "--out", out,
                               "--json", "--quiet", *map(str, args)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        paths, scores = {}, {}
        for line in next(out.rglob("*.trec")).read_text().splitlines():
            issue, _, path, rank, score, _ = line.split()
            paths.setdefault(issue, []).append(path)
            scores.setdefault(issue, []).append(float(score))
            assert int(rank) == len(paths[issue])
        return json.loads(done.stdout), paths, scores
    return call


def test_clones_rank_as_packed_trees_do(ranked, small, default_model):
    for args in [["--model", "bm25"], ["--mode", "dense"]]:
        packed, cloned = ranked(*args), ranked(*args, "--repos", small[1])
        assert packed[1:] == cloned[1:]
        assert packed[0]["scores"] == cloned[0]["scores"]
    _, paths, _ = packed
    assert len(paths["someone__thing-0"]) == 6 and len(paths["someone__thing-1"]) == 5
    assert not {"tests/test_http.py", "notes.txt", "link.py"} & {path for some in paths.values() for path in some}


def test_a_model_finds_what_has_no_word_in_common(ranked, default_model):
    bm25, lexical, _ = ranked("--mode", "bm25")
    dense, by_meaning, cosines = ranked()
    assert dense["settings"] == {"mode": "dense", "chunk_bytes": "1000", "chunk_overlap": "0", "pool": "max"}
    assert lexical["someone__thing-1"][0] != "shop/basket.py" and by_meaning["someone__thing-1"][0] == "shop/basket.py"
    assert dense["scores"]["recall_at_1"] == 1 > bm25["scores"]["recall_at_1"]
    assert all(-1 <= score <= 1 for some in cosines.values() for score in some)


def test_fusion_and_reranking_follow_their_rules(ranked, default_model):
    _, lexical, lexical_scores = ranked("--mode", "bm25")
    _, by_meaning, _ = ranked("--mode", "dense")
    _, both, scores = ranked("--mode", "fused")
    for issue, paths in both.items():
        # Equal BM25 scores have one rank, that of the first of them.
        lexical_rank = {path: 1 + lexical_scores[issue].index(score)
                        for path, score in zip(lexical[issue], lexical_scores[issue])}
        for path, score in zip(paths, scores[issue]):
            expected = 1 / (60 + lexical_rank[path]) + 1 / (61 + by_meaning[issue].index(path))
            assert abs(score - expected) < 1e-7
    _, reranked, _ = ranked("--rerank", 2)
    for issue, paths in reranked.items():
        first = [path for path in by_meaning[issue] if path in lexical[issue][:2]]
        assert paths == first + lexical[issue][2:]
    assert ranked("--rerank", 2, "--best-chunks", 1)[1] == reranked  # these files have one chunk each


def test_what_does_not_go_together_is_refused(lode, small, tmp_path):
    bare = ["swebench-lite", "--data", small[0], "--quiet"]
    for args, says, code in [([*bare, "--mode", "bm25", "--rerank", 5], "--rerank needs a model", 2),
                             ([*bare, "--model", "bm25", "--mode", "fused"], "--mode fused needs a model", 2),
                             ([*bare, "--pool", "mean"], "--pool mean", 2),
                             ([*bare, "--pool", "top0"], "--pool top0", 2),
                             ([*bare, "--mode", "sideways"], "sideways", 2),
                             ([*bare, "--chunk-bytes", 1], "--chunk-bytes", 2),
                             ([*bare, "--model", "bm25", "--repos", tmp_path / "absent"], "absent is no folder", 1),
                             ([*bare, "--model", "bm25", "--repos", tmp_path], "git clone", 1)]:
        done = subprocess.run([lode, "eval", *map(str, args)], capture_output=True, text=True, timeout=60)
        assert done.returncode == code and says in done.stderr, (args, done.stderr)
