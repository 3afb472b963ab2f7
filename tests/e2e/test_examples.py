"""The programs in examples/, run against a server with the default model. Those whose clients are not among the packages of
tests/requirements.txt run in tests/clients."""
import re
import subprocess
import sys

import pytest
from example_programs import ALL, LIGHT, commands_vectors, printed_vectors, start


def test_nearest_lines(server, root, tmp_path):
    (tmp_path / "notes.txt").write_text("The cat sleeps on the sofa.\n\nRestart the server to load new weights.\nBread needs flour.\n")
    done = subprocess.run([sys.executable, root / "examples/nearest_lines.py", tmp_path / "notes.txt", "where is the animal?",
                           "-k", "2", "--url", server], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert len(printed) == 2 and printed[0].endswith("The cat sleeps on the sofa."), done.stdout


@pytest.mark.parametrize("example", LIGHT, ids=str)
def test_a_client_prints_the_commands_vectors(example, server, root, lode, default_model):
    printed = printed_vectors(start(example, root, f"{server}/v1"))
    assert printed == commands_vectors(lode, default_model, example.texts)


def test_every_program_is_run_by_a_test_and_told_of_in_the_table(root):
    there = {path.name for path in (root / "examples").iterdir()} - {"README.md", "nearest_lines.py", "pgvector"}  # that one: test_export.py
    assert there == {example.name for example in ALL}
    table = (root / "examples/README.md").read_text()
    assert there | {"nearest_lines.py"} == {match.split("/")[0] for match in re.findall(r"^\|[^|]+\| \[`([^`]+)`\]", table, re.M)}


def test_lock_files_name_no_registry(root):
    """A lock file is for every machine, whatever mirror wrote it. Cargo's are the exception: the index has one name everywhere."""
    for name in ("node/package-lock.json", "go/go.sum", "java/pom.xml", "../tests/clients/requirements.txt"):
        text = (root / "examples" / name).read_text()
        assert not re.search(r'"resolved"|https?://(?!maven\.apache\.org/POM)', text), name
