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
        assert code is None or ran.returncode == code, ran.stderr
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


def test_filters_hold_within_a_folder_of_an_indexed_one(search, project):
    for mode in ["hybrid", "lexical", "dense", "bm25", "symbol", "exact"]:
        found = search("token", "--mode", mode, "--path", "*.py", "--path", "*.md", folder=project / "app", code=None)
        assert all(path.startswith("app/") for path in paths(found)), mode
    assert paths(search("token", "--mode", "exact", "--path", "*.py", folder=project / "app")) != []


def test_a_folder_whose_name_looks_like_an_exclusion_is_searched_alone(lode, tmp_path, home):
    write_files(tmp_path / "p", {"!odd/a.py": "def total(rows):\n    return 1\n", "b.py": "def total(rows):\n    return 2\n"})
    env = {**os.environ, "LODE_HOME": str(home)}
    index = ["--index", tmp_path / "index"]
    subprocess.run([lode, "index", tmp_path / "p", "--no-vectors", "--quiet", *index], env=env, check=True)
    done = subprocess.run([lode, "search", "total", "--dir", tmp_path / "p/!odd", "--json", *index], env=env, capture_output=True,
                          text=True, check=True)
    assert paths(json.loads(done.stdout)) == ["!odd/a.py"]


MIXED = {"mixed.py": """class Price:
    currency = 'EUR'


def apply_tax(amount):
    return amount * 2


class Basket:
    def run(self):
        return apply_tax(1)
""", "plain.py": "apply_tax = 3\n", "notes.md": "# Taxes\n\nWhere apply_tax is used.\n"}


@pytest.mark.parametrize("mode", ["lexical", "hybrid", "dense", "bm25", "symbol", "exact"])
def test_hits_are_within_symbols_of_the_kinds_asked_for(lode, tmp_path, home, mode):
    write_files(tmp_path / "k", MIXED)
    env = {**os.environ, "LODE_HOME": str(home)}
    index = ["--index", tmp_path / "index"]
    subprocess.run([lode, "index", tmp_path / "k", "--quiet", *index], env=env, check=True)

    def hits(kind):
        done = subprocess.run([lode, "search", "apply_tax", "--dir", tmp_path / "k", "--mode", mode, "--kind", kind, "--json", *index],
                              env=env, capture_output=True, text=True)
        report = json.loads(done.stdout)
        if mode not in ("symbol", "exact"):  # these count definitions and lines
            assert report["n_found"] == len(report["hits"])
        return [(hit["path"], hit["symbol"], hit["kind"], hit["start_line"], hit["end_line"]) for hit in report["hits"]]

    functions = hits("function")
    assert functions[0][:3] == ("mixed.py", "apply_tax", "function") and len(functions) == 1
    for kind in ["class", "method", "heading", "function"]:
        assert all(hit[2] == kind for hit in hits(kind)), kind
    if mode not in ("symbol", "exact"):
        assert functions[0][3:] == (5, 6)
        assert [hit[0] for hit in hits("heading")] == ["notes.md"]


def test_few_hits_are_the_first_of_many(search):
    """What the filters leave out takes no place of what they leave in."""
    whole = search("session", "--mode", "symbol", "--path", "web/**")
    assert [hit["symbol"] for hit in whole["hits"]] == ["SessionView"]
    one = search("session", "--mode", "symbol", "--path", "web/**", "-k", "1")
    assert one["hits"] == whole["hits"] and one["n_found"] == whole["n_found"]
    assert search("say_hello", "--mode", "symbol", "-k", "1")["n_found"] == search("say_hello", "--mode", "symbol")["n_found"]


def test_a_query_from_stdin_ends_before_its_line_does(run, project, home, search):
    for mode, query in [("regex", "def say_hello\n"), ("exact", "def say_hello\r\n"), ("exact", "def say_hello")]:
        done = run("search", "-", "--dir", project, "--mode", mode, LODE_HOME=str(home), input=query)
        assert done.returncode == 0 and done.stdout.startswith("app/greeting.py:1-1"), query


SMALL = "".join(f"def f{n}(a):\n    \"\"\"Adds {n} to a number, and says what came of it in a few more words.\"\"\"\n    return a + {n}\n\n\n"
                for n in range(12))


def test_the_same_bytes_in_two_languages_have_vectors_of_each(lode, tmp_path, home):
    write_files(tmp_path / "d", {"gen.py": SMALL, "gen.py.txt": SMALL})
    env = {**os.environ, "LODE_HOME": str(home)}
    index = ["--index", tmp_path / "index"]

    def vectors(folder):
        done = subprocess.run([lode, "index", folder, "--json", "--quiet", *index], env=env, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["vectors"]

    first = vectors(tmp_path / "d")
    assert first["encoded"] == first["chunks"] > 2
    assert vectors(tmp_path / "d")["encoded"] == 0
    done = subprocess.run([lode, "search", "add to a number", "--dir", tmp_path / "d", "--mode", "dense", "--json", *index], env=env,
                          capture_output=True, text=True, check=True)
    assert sorted(paths(json.loads(done.stdout))) == ["gen.py", "gen.py.txt"]
    # Nor does another tree of the index take them away.
    write_files(tmp_path / "other", {"renamed.py": SMALL})
    assert vectors(tmp_path / "other")["encoded"] > 0
    assert vectors(tmp_path / "d")["encoded"] == vectors(tmp_path / "other")["encoded"] == 0
    out = tmp_path / "chunks.jsonl"
    subprocess.run([lode, "export", tmp_path / "d", "--to", "jsonl", "-o", out, "--quiet", *index], env=env, check=True)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == first["chunks"] and len({(r["content"], r["language"], r["chunk"]) for r in rows}) == len(rows)


def test_a_failing_endpoint_is_said(run, project, home, search):
    line = run("search", "price", "--dir", project, "--endpoint", "http://127.0.0.1:1", "--retries", "0", check=False, LODE_HOME=str(home))
    assert line.returncode == 1 and "127.0.0.1:1" in line.stderr and line.stdout == ""


def test_a_folder_behind_the_query_may_be_named_bare(lode, tmp_path, home):
    write_files(tmp_path / "p", {"a.py": "def resolve_model(name):\n    return name\n"})
    env = {**os.environ, "LODE_HOME": str(home)}
    subprocess.run([lode, "index", "p", "--no-vectors", "--quiet"], env=env, check=True, cwd=tmp_path)
    done = subprocess.run([lode, "search", "resolve_model", "p"], env=env, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith("a.py:1-2")
    done = subprocess.run([lode, "search", "resolve_model", "/no/such/folder"], env=env, capture_output=True, text=True,
                          cwd=tmp_path / "p")
    assert "/no/such/folder is no folder: taken for a word of the query" in done.stderr


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
