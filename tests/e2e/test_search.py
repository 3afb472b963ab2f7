"""`lode search` as a user drives it: what comes first, what the filters leave, what it prints, and how it ends."""
import json
import os
import re
import subprocess
import time

import pytest
from trees import write_files, write_home

TREE = {
    "app/session.py": '''"""Sessions of signed-in users."""
import time


class SessionStore:
    """Keeps sessions."""

    def load(self, key):
        return self.rows[key]

    def check_token(self, token):
        """A token is good until it expires."""
        return token.expires > time.time()
''',
    "app/greeting.py": "def say_hello(person):\n    return 'good morning, ' + person\n",
    "app/invoice.py": "def total(rows):\n    return sum(row.price for row in rows)\n",
    "tests/test_session.py": "from app.session import SessionStore\n\n\ndef test_check_token():\n    SessionStore().check_token(None)\n",
    "web/session.ts": "export class SessionView {\n  checkToken(token: string): boolean {\n    return token.length > 3;\n  }\n}\n",
    "docs/guide.md": "# Guide\n\n## Sessions\n\nA session token expires after a day.\n",
    "copy/greeting.py": "def say_hello(person):\n    return 'good morning, ' + person\n",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("project"), TREE)
    ten_days_ago = time.time() - 10 * 24 * 3600
    os.utime(folder / "docs/guide.md", (ten_days_ago, ten_days_ago))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory, default_model):
    return write_home(tmp_path_factory.mktemp("home"), default_model)


@pytest.fixture(scope="module")
def search(lode, project, home):
    """search(*args) -> the report of `lode search ARGS --json`; the index has vectors of the default model."""
    env = {**os.environ, "LODE_HOME": str(home)}
    done = subprocess.run([lode, "index", project, "--json", "--quiet"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["vectors"]["encoded"] == report["vectors"]["chunks"] == report["chunks"]
    again = subprocess.run([lode, "index", project, "--json", "--quiet"], env=env, capture_output=True, text=True)
    assert json.loads(again.stdout)["vectors"]["encoded"] == 0

    def call(*args, code=0, folder=project):
        ran = subprocess.run([lode, "search", *args, "--dir", folder, "--json"], env=env, capture_output=True, text=True)
        assert ran.returncode == code, ran.stderr
        return json.loads(ran.stdout) if ran.stdout else ran.stderr

    return call


def paths(report):
    return [hit["path"] for hit in report["hits"]]


def test_a_name_finds_its_definition_first(search):
    for mode in ["hybrid", "lexical", "symbol"]:
        report = search("check_token", "--mode", mode)
        first = report["hits"][0]
        assert first["path"] == "app/session.py" and (first["start_line"], first["end_line"]) == (11, 13), mode
        assert first["symbol"] == "SessionStore.check_token" and first["kind"] == "method"
        assert "defines check_token" in first["why"]
    assert search("SessionStore.check_token", "--mode", "symbol")["hits"][0]["path"] == "app/session.py"
    assert paths(search("checktoken", "--mode", "symbol"))[0] == "web/session.ts"  # in any letter case
    assert search("check_tok", "--mode", "symbol")["hits"][0]["symbol"] == "SessionStore.check_token"  # and in part


def test_words_find_what_is_about_them_and_tests_come_later(search):
    for mode in ["hybrid", "lexical"]:
        found = paths(search("when does the session token expire", "--mode", mode))
        assert found[0] in ("app/session.py", "docs/guide.md"), mode
        assert found.index("app/session.py") < found.index("tests/test_session.py")
    report = search("when does the session token expire", "--mode", "lexical")
    assert any(why.startswith("terms: ") and "token" in why for hit in report["hits"] for why in hit["why"])


def test_vectors_find_what_has_none_of_the_words(search):
    report = search("welcome somebody kindly", "--mode", "dense")
    assert report["hits"][0]["path"] in ("app/greeting.py", "copy/greeting.py")
    similarities = [float(re.search(r"similarity (-?\d\.\d+)", " ".join(hit["why"]))[1]) for hit in report["hits"]]
    assert similarities == sorted(similarities, reverse=True)
    assert "app/greeting.py" in paths(search("welcome somebody kindly"))
    search("welcome somebody kindly", "--mode", "lexical", code=1)


def test_vectors_are_the_models(search, lode, project, home):
    """The similarity that is shown is the cosine of `lode embed`'s vectors."""
    report = search("add up prices", "--mode", "dense", "--path", "app/invoice.py")
    chunk = "app/invoice.py\n" + TREE["app/invoice.py"]
    env = {**os.environ, "LODE_HOME": str(home)}
    out = project.parent / "rows.jsonl"
    rows = "".join(json.dumps({"text": text}) + "\n" for text in ["add up prices", chunk])
    (project.parent / "texts.jsonl").write_text(rows)
    subprocess.run([lode, "embed", project.parent / "texts.jsonl", "-o", out, "--quiet"], env=env, check=True)
    query, vector = [json.loads(line)["embedding"] for line in out.read_text().splitlines()]
    cosine = sum(a * b for a, b in zip(query, vector))
    assert f"similarity {cosine:.2f}" in report["hits"][0]["why"]


def test_copies_are_one_hit(search):
    report = search("say_hello", "--mode", "lexical")
    assert paths(report).count("app/greeting.py") == 1 and "copy/greeting.py" not in paths(report)
    assert report["hits"][0]["copies"] == ["copy/greeting.py"]


def test_exact_texts_and_expressions_are_found_line_by_line(search):
    report = search("token.expires >", "--mode", "exact")
    assert [(hit["path"], hit["start_line"], hit["snippet"]) for hit in report["hits"]] == [
        ("app/session.py", 13, "        return token.expires > time.time()")]
    assert search("TOKEN.EXPIRES", "--mode", "exact", code=1)["hits"] == []
    assert search("TOKEN.EXPIRES", "--mode", "exact", "-i")["n_found"] == 1
    report = search(r"^def \w+\(", "--mode", "regex", "-k", "2")
    assert report["n_found"] == 3 and len(report["hits"]) == 2  # of copies one
    message = search("(", "--mode", "regex", code=2)
    assert message.count("\n") == 1 and "no regular expression" in message


def test_filters_leave_what_they_name(search):
    assert set(paths(search("session token", "--lang", "ts"))) == {"web/session.ts"}
    assert set(paths(search("session token", "--lang", "md", "--mode", "bm25"))) == {"docs/guide.md"}
    assert all(path.startswith("app/") for path in paths(search("session token", "--path", "app/**")))
    assert "tests/test_session.py" not in paths(search("session token", "--path", "!tests/**"))
    assert all(hit["kind"] == "class" for hit in search("session", "--kind", "class", "--mode", "symbol")["hits"])
    assert "docs/guide.md" not in paths(search("session token", "--since", "7d"))
    assert "docs/guide.md" in paths(search("session token", "--since", "2w"))
    assert "is no time" in search("x", "--since", "yesterday", code=2)
    assert "klingon" in search("x", "--lang", "klingon", code=2)
    assert "is no kind" in search("x", "--kind", "thing", code=2)


def test_a_folder_within_an_indexed_one_is_searched_alone(search, project):
    found = paths(search("session token", "--mode", "lexical", folder=project / "app"))
    assert found and all(path.startswith("app/") for path in found)


def test_what_is_printed_for_people(run, search, project, home):
    done = run("search", "check_token", str(project) + "/", "-k", "1", "--context", "0", LODE_HOME=str(home))
    assert done.stdout.startswith("app/session.py:11-13  method SessionStore.check_token\n")
    assert re.search(r"^ +11 +def check_token\(self, token\):$", done.stdout, re.M)
    done = run("search", "-", "--dir", project, "--mode", "lexical", LODE_HOME=str(home), input="say_hello\n")
    assert done.stdout.startswith("app/greeting.py:")


def test_what_cannot_be_searched_is_said_in_one_line(run, tmp_path, home):
    for args, code in [(["x", "--dir", tmp_path], 1), (["x", "--dir", tmp_path / "none"], 1), (["  ", "--dir", tmp_path], 1)]:
        done = run("search", *args, check=False, LODE_HOME=str(home))
        assert done.returncode == code and done.stdout == "" and len(done.stderr.strip().splitlines()) == 1
    assert "lode index" in run("search", "x", "--dir", tmp_path, check=False, LODE_HOME=str(home)).stderr
