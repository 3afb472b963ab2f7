"""`lode train-ranker` on small data: one repository, several, instances whose right file is no candidate."""
import json
import lzma
import subprocess

import pytest

FILES = {
    "shop/basket.py": "class Basket:\n    def total(self):\n        return sum(item.price for item in self.items)\n",
    "net/http.py": "def fetch(url, timeout):\n    return open_socket(url, timeout).read()\n",
}
QUERIES = {"shop/basket.py": "the total of a basket is wrong", "net/http.py": "fetch knows no timeout",
           "tests/test_http.py": "a test fails"}


@pytest.fixture
def train(lode, tmp_path):
    """train({repository: [right file, ...]}, *args) -> what the command did; every tree has FILES."""
    def call(repositories, *args, without_trees=()):
        data = tmp_path / "data"
        corpus = data / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        rows = []
        for repo, right_files in repositories.items():
            name = repo.replace("/", "__")
            index, offset = [], 0
            for number, text in enumerate(FILES.values()):
                index.append(f"B\t{number}\t{offset}\t{len(text)}\t-")
                offset += len(text)
            for number, right in enumerate(right_files):
                instance = f"{name}-{number}"
                rows.append({"instance_id": instance, "repo": repo, "base_commit": f"c{number}", "query": QUERIES[right], "gold": right})
                if instance in without_trees:
                    continue
                changes = [f"+\t{path}\t{blob}" for blob, path in enumerate(FILES)] if number == 0 else []
                index += [f"I\t{instance}\tc{number}\t{len(FILES)}", *changes]
            (corpus / f"{name}.index.tsv.xz").write_bytes(lzma.compress("".join(line + "\n" for line in index).encode()))
            (corpus / f"{name}.blobs.xz").write_bytes(lzma.compress("".join(FILES.values()).encode()))
        (data / "instances.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return subprocess.run([lode, "train-ranker", data, *args], capture_output=True, text=True)

    return call


BOTH = list(FILES)


def test_a_single_repository_teaches_weights_without_scores(train, tmp_path):
    out = tmp_path / "ranker.json"
    done = train({"a/one": BOTH}, "-o", out)
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert "all instances are of a/one" in done.stderr
    written = json.loads(out.read_text())
    assert written["instances"] == 2 and written["leave_one_repository_out"] is None and any(written["weights"].values())
    refused = train({"a/one": BOTH})
    assert refused.returncode == 2 and refused.stdout == "" and "nothing is left to learn from" in refused.stderr


def test_several_repositories_are_scored_by_what_the_others_teach(train, tmp_path):
    out = tmp_path / "ranker.json"
    done = train({"a/one": BOTH, "b/two": BOTH}, "-o", out)
    assert done.returncode == 0 and "left out" not in done.stderr, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [["a/one", "2"], ["b/two", "2"], ["all", "4"]]
    assert json.loads(out.read_text())["leave_one_repository_out"]["recall_at_1"] == 4


def test_instances_whose_right_file_is_no_candidate_are_counted(train):
    done = train({"a/one": [*BOTH, "tests/test_http.py"], "b/two": BOTH})
    assert done.returncode == 0
    assert "1 of 5 instances are left out" in done.stderr and "a__one-2 (tests/test_http.py)" in done.stderr
    assert done.stdout.splitlines()[-1].split()[:2] == ["all", "4"]


def test_a_missing_tree_is_told_without_an_option_of_another_command(train):
    done = train({"a/one": BOTH, "b/two": BOTH}, without_trees=["a__one-1"])
    assert done.returncode != 0 and "has no tree for a__one-1" in done.stderr and "--repos" not in done.stderr
