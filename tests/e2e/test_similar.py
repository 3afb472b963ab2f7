"""`lode similar` as a user drives it: what is like the code around a line, and what it says where there is no such line."""
import json
import os
import re
import subprocess

import pytest
from trees import write_files, write_home

TREE = {
    "shop/cart.py": "def total(basket):\n    return sum(item.price for item in basket)\n",
    "shop/bill.py": "def amount_due(lines):\n    money = 0\n    for entry in lines:\n        money += entry.cost\n    return money\n",
    "shop/balloon.py": "class Balloon:\n    item = 'wicker basket'\n\n    def rise(self):\n        self.altitude += self.sum_of_wind\n",
    "web/colour.ts": "export function mix(red: number, blue: number): string {\n  return `#${red}${blue}`;\n}\n",
    "copy/cart.py": "def total(basket):\n    return sum(item.price for item in basket)\n",
    "notes.md": "# Notes\n\nThe basket's price is summed up at the till.\n",
    "picture.bin": "\0\1\2",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("project"), TREE)


@pytest.fixture(scope="module")
def similar(lode, project, tmp_path_factory, default_model):
    """similar(*args) -> what `lode similar ARGS --json` says; the index has vectors of the default model."""
    home = write_home(tmp_path_factory.mktemp("home"), default_model)
    env = {**os.environ, "LODE_HOME": str(home)}
    done = subprocess.run([lode, "index", project, "--quiet"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    def call(*args, code=0, folder=project, json_too=True):
        ran = subprocess.run([lode, "similar", *map(str, args), *(["--json"] if json_too else [])], env=env, capture_output=True,
                             text=True, cwd=folder)
        assert ran.returncode == code, ran.stderr
        if code:
            return ran.stderr
        return json.loads(ran.stdout) if json_too else ran.stdout

    call.env, call.home = env, home
    return call


def paths(report):
    return [hit["path"] for hit in report["hits"]]


def test_vectors_rank_what_means_the_same_before_what_shares_its_words(similar):
    report = similar("shop/cart.py:2")
    assert report["mode"] == "dense" and report["query"] == "shop/cart.py:2"
    assert report["hits"][0]["path"] == "copy/cart.py"
    assert set(paths(report)) == TREE.keys() - {"shop/cart.py", "picture.bin"}
    assert paths(report).index("shop/bill.py") < paths(report).index("shop/balloon.py")
    shown = [float(re.search(r"similarity (-?\d\.\d+)", " ".join(hit["why"]))[1]) for hit in report["hits"]]
    assert shown[0] == 1 and shown == sorted(shown, reverse=True)
    assert shown == [round(hit["score"], 2) for hit in report["hits"]]


def test_the_cosines_are_those_of_the_chunks_own_vectors(similar, lode, project):
    texts = [f"{path}\n{TREE[path]}" for path in ("shop/cart.py", "shop/bill.py")]
    done = subprocess.run([lode, "embed", "-", "--text-field", "text", "--quiet"], text=True, capture_output=True, env=similar.env,
                          input="".join(json.dumps({"text": text}) + "\n" for text in texts), check=True)
    one, other = [json.loads(line)["embedding"] for line in done.stdout.splitlines()]
    hit = next(hit for hit in similar("shop/cart.py:1")["hits"] if hit["path"] == "shop/bill.py")
    assert hit["score"] == pytest.approx(sum(a * b for a, b in zip(one, other)), abs=0.01)  # 8 bits without kept vectors


def test_words_rank_where_they_are_asked_for(similar):
    report = similar("shop/cart.py:1", "--mode", "bm25")
    found = paths(report)
    assert report["mode"] == "bm25" and found[0] == "copy/cart.py"
    assert found.index("shop/balloon.py") < found.index("shop/bill.py")
    assert any(why.startswith("terms: ") for why in report["hits"][0]["why"])
    assert not any("similarity" in why for hit in report["hits"] for why in hit["why"])


def test_the_file_is_named_from_where_one_stands_and_filters_filter(similar, project):
    report = similar("cart.py:1-2", "-k", "1", folder=project / "shop")
    assert paths(report) == ["copy/cart.py"] and report["query"] == "shop/cart.py:1"
    assert paths(similar(project / "shop/cart.py:1", "-k", "1", folder="/")) == ["copy/cart.py"]
    assert set(paths(similar("shop/cart.py:1", "--lang", "md"))) == {"notes.md"}
    assert set(paths(similar("shop/cart.py:1", "--path", "shop/**"))) == {"shop/bill.py", "shop/balloon.py"}
    assert all(hit["kind"] == "function" for hit in similar("notes.md:3", "--kind", "function")["hits"])
    text = similar("shop/cart.py:1", "-k", "1", "--context", "0", json_too=False)
    assert text.startswith("copy/cart.py:1-2  function total\n") and "similarity 1.00" in text


@pytest.mark.parametrize("place, code, message", [
    ("shop/cart.py", 2, "names no line"), ("shop/cart.py:0", 2, "names no line"), ("shop/cart.py:1x", 2, "names no line"),
    (":3", 2, "names no line"), ("shop/cart.py:99999999999", 2, "names no line"),
    ("shop/cart.py:3", 2, "lines are 1 to 2"), ("shop/none.py:1", 1, "has no file shop/none.py"),
    ("picture.bin:1", 1, "left out of the index: binary"), ("../outside.py:1", 1, "no folder that is indexed"),
    ("/etc/passwd:1", 1, "no folder that is indexed"), ("nowhere/at/all.py:1", 1, "has no file nowhere/at/all.py"),
])
def test_a_line_that_is_not_there_is_said_in_one_line(similar, place, code, message):
    said = similar(place, code=code)
    assert message in said and len(said.strip().splitlines()) == 1


def test_what_was_changed_since_is_told_and_an_index_without_vectors_goes_by_words(similar, lode, tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a.py").write_text(TREE["shop/cart.py"])
    (folder / "b.py").write_text("def total(basket, tax):\n    return tax + sum(item.price for item in basket)\n")
    subprocess.run([lode, "index", folder, "--quiet", "--no-vectors"], env=similar.env, check=True, capture_output=True)
    report = similar("a.py:1", folder=folder)
    assert report["mode"] == "bm25" and paths(report) == ["b.py"]
    assert "no vector" in similar("a.py:1", "--mode", "dense", code=1, folder=folder)
    (folder / "a.py").write_text("# new\n" + TREE["shop/cart.py"])
    ran = subprocess.run([lode, "similar", "a.py:1"], env=similar.env, cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0 and "has changed since it was indexed" in ran.stderr
