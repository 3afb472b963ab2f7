"""docs/search.md's walk through a repository, replayed: what each command prints is what the page says, but for times, the folder of
indexes and the last digit of similarities."""
import os
import re
import subprocess
import time

import pytest
from conftest import ROOT
from packed_tree import write_tree

INSTANCE = "pallets__flask-5063"
SIMILARITY = re.compile(r"similarity (-?\d\.\d+)")


def walk():
    """-> [(command, what it prints)]"""
    block = re.search(r"^## A walk\n.*?^```console\n(.*?)^```$", (ROOT / "docs/search.md").read_text(), re.M | re.S)[1]
    steps = re.split(r"^\$ (.*)\n", block, flags=re.M)[1:]
    return list(zip(steps[::2], steps[1::2], strict=True))


def plain(text):
    text = re.sub(r"\d+\.\d\d s$", "T s", text, flags=re.M)
    text = re.sub(r"in \S+/indexes/flask-[0-9a-f]+$", "in INDEXES/flask", text, flags=re.M)
    return SIMILARITY.sub("similarity", text)


def assert_same(expected, printed):
    assert plain(printed) == plain(expected)
    for want, got in zip(SIMILARITY.findall(expected), SIMILARITY.findall(printed), strict=True):
        assert abs(float(want) - float(got)) <= 0.011, printed


def test_what_differs_is_seen():
    assert_same("a\n  1 gone, 0.07 s\nx; similarity 0.51\n", "a\n  1 gone, 9.60 s\nx; similarity 0.52\n")
    for expected, printed in (("a", "b"), ("1 gone, 0.07 s", "2 gone, 0.07 s"), ("x; similarity 0.51", "x; similarity 0.53"),
                              ("similarity 0.51", "")):
        with pytest.raises(AssertionError):
            assert_same(expected, printed)


def test_the_walk_goes_as_the_page_has_it(lode, default_model, shared, tmp_path):
    corpus = shared / "data/swebench_lite/corpus"
    if not corpus.is_dir():
        pytest.skip(f"no {corpus}")
    write_tree(corpus, "pallets__flask", INSTANCE, tmp_path / "flask")
    # Files younger than a file system's clock is coarse would be read twice.
    time.sleep(2.5)
    steps = walk()
    assert len(steps) > 6
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").symlink_to(default_model.parent)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/lode").symlink_to(lode)
    environment = os.environ | {"LODE_HOME": str(home), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    folder = tmp_path
    for command, expected in steps:
        if command.startswith("cd "):
            folder /= command.removeprefix("cd ")
            continue
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=300)
        assert done.returncode == 0, command + done.stderr
        assert_same(expected, done.stdout)
