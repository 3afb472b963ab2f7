"""`lode export`: what it writes is what the index holds, and PostgreSQL with pgvector, loaded with it, finds what `lode search`
finds."""
import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from postgres import running_postgres
from trees import write_files, write_home

QUESTIONS = ["how is a word broken into terms", "cut a long file into chunks", "is this file a test or an example",
             "read a row of floats that was kept on disk", "weights of the ranking features", "merge two ranked lists"]

# What a dump must not trip over: quotes, backslashes, tabs, the end mark of COPY, other line ends, a NUL, what is no UTF-8.
TRICKY = {
    "quotes.py": "def say(x):\n    return 'it''s \"%s\"' % x  # \\N \\. \\\\ {a,b} :vector $$\n",
    "end.txt": "before\n\\.\nafter\tthe tab\\t and \\x41\n",
    "windows.md": "# Über\r\n\r\nnaïve café, 東京, 😀\r\n",
    "sub/copy of 'end', \"too\".txt": "before\n\\.\nafter\tthe tab\\t and \\x41\n",
    "latin.txt": b"caf\xe9 au lait\nsecond line\n",
    "one.c": "int answer(void) {\n  return 42;\n}",
}


def environment(home):
    """As the tests', but that vectors are kept, in a home of its own."""
    return {**{name: value for name, value in os.environ.items() if name != "LODE_NO_CACHE"}, "LODE_HOME": str(home)}


@pytest.fixture(scope="module")
def call(lode, tmp_path_factory, default_model):
    """call(*args) -> CompletedProcess of `lode ARGS`."""
    env = environment(write_home(tmp_path_factory.mktemp("home"), default_model))

    def run(*args, code=0, input=None, **more):
        stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run([lode, *map(str, args)], capture_output=True, text=True, env={**env, **more}, **stdin)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def tree(root, call):
    """A folder of some hundred chunks, indexed: the project's own."""
    folder = root / "src/index"
    call("index", folder, "--quiet")
    return folder


@pytest.fixture(scope="module")
def tricky(tmp_path_factory, call):
    folder = write_files(tmp_path_factory.mktemp("tricky"), TRICKY)
    call("index", folder, "--quiet")
    return folder


@pytest.fixture(scope="module")
def rows(tree, call, tmp_path_factory):
    """Of the tree: rows of jsonl."""
    out = tmp_path_factory.mktemp("out") / "chunks.jsonl"
    report = json.loads(call("export", tree, "--to", "jsonl", "-o", out, "--json").stdout)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert report["chunks"] == len(rows) > 150 and report["left_out"] == 0 and report["dims"] == 384
    return rows


@pytest.fixture(scope="module")
def postgres():
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def loaded(postgres, tree, call, tmp_path_factory):
    out = tmp_path_factory.mktemp("sql") / "chunks.sql"
    call("export", tree, "--to", "pgvector", "-o", out)
    postgres.psql(input=out.read_text())
    return postgres


def vectors_of(call, texts, side):
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    done = call("embed", "-", "--text-field", "text", "--input-type", side, "--quiet", input=rows)
    return np.array([json.loads(line)["embedding"] for line in done.stdout.splitlines()], dtype=np.float32)


def key(row):
    return row["content"], row["chunk"]


def place(row):
    return row["path"], row["start_line"], row["end_line"]


def test_every_line_of_every_file_is_in_one_chunk(tree, rows):
    lines = {}
    for row in rows:
        for path in [row["path"], *row["copies"]]:
            own = (tree / path).read_text().splitlines(keepends=True)
            assert row["text"] == "".join(own[row["start_line"] - 1:row["end_line"]]), place(row)
            lines.setdefault(path, []).extend(range(row["start_line"], row["end_line"] + 1))
    assert set(lines) == {str(path.relative_to(tree)) for path in tree.rglob("*")}
    for path, numbers in lines.items():
        assert numbers == list(range(1, len((tree / path).read_text().splitlines()) + 1)), path
    assert len({key(row) for row in rows}) == len(rows)
    of_hash = next(row for row in rows if row["path"] == "vector_cache.cc" and "VectorKey vector_key(" in row["text"])
    assert of_hash["language"] == "cpp" and of_hash["symbol"] and of_hash["kind"]
    assert {row["model"] for row in rows} == {"sentence-transformers/all-MiniLM-L6-v2"}


def test_vectors_are_the_models_bit_for_bit_and_the_same_in_every_format(tree, rows, call, tmp_path):
    vectors = np.array([row["vector"] for row in rows], dtype=np.float32)
    call("export", tree, "--to", "npy", "-o", tmp_path / "all.npy")
    matrix = np.load(tmp_path / "all.npy")
    assert matrix.dtype == np.float32 and matrix.shape == (len(rows), 384) and np.array_equal(matrix, vectors)
    beside = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert beside == [{name: value for name, value in row.items() if name != "vector"} for row in rows]
    # A chunk that nothing encloses is embedded as its path and its text.
    plain = [i for i, row in enumerate(rows) if row["symbol"] is None][:8]
    texts = [rows[i]["path"] + "\n" + rows[i]["text"] for i in plain]
    assert len(plain) == 8 and np.array_equal(vectors_of(call, texts, "passage"), vectors[plain])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_dump_comes_back_from_postgres_as_it_was(postgres, tricky, call, tmp_path):
    table = ["--table", "tricky"]
    script = call("export", tricky, "--to", "pgvector", "-o", "-", *table).stdout
    call("export", tricky, "--to", "pgvector", "-o", tmp_path / "a.sql", *table)
    assert (tmp_path / "a.sql").read_text() == script
    postgres.psql("-f", tmp_path / "a.sql") if os.geteuid() == 0 else postgres.psql(input=script)
    done = call("export", tricky, "--to", "jsonl", "-o", "-")
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["path"] for row in expected} == TRICKY.keys() - {"sub/copy of 'end', \"too\".txt"}
    assert [row["copies"] for row in expected if row["path"] == "end.txt"] == [["sub/copy of 'end', \"too\".txt"]]
    found = postgres.json("SELECT * FROM tricky")
    assert len(found) == len(expected)
    by_key = {key(row): row for row in found}
    for row in expected:
        own = by_key[key(row)]
        assert np.array_equal(np.float32(json.loads(own.pop("embedding"))), np.float32(row.pop("vector")))
        del row["model"]
        assert own == row
    again = postgres.psql(input=script, check=False)  # a table that is there is left alone
    assert again.returncode == 3 and "already exists" in again.stderr
    assert postgres.psql("-c", "SELECT count(*) FROM tricky").stdout.strip() == str(len(expected))


def test_the_ten_nearest_chunks_and_files_are_ours(loaded, rows, tree, call):
    exact = "-c enable_indexscan=off"
    matrix = np.array([row["vector"] for row in rows], dtype=np.float64)
    for question, vector in zip(QUESTIONS, vectors_of(call, QUESTIONS, "query"), strict=True):
        cosines = matrix @ vector.astype(np.float64)
        nearest = np.argsort(-cosines)[:10]
        assert np.diff(cosines[nearest]).max() < -1e-6, "ties: choose another question"
        query = f"'{json.dumps(vector.tolist())}'"
        found = loaded.json(f"SELECT *, 1 - (embedding <=> {query}) AS similarity FROM lode_chunks "
                            f"ORDER BY embedding <=> {query} LIMIT 10", exact)
        assert [place(row) for row in found] == [place(rows[i]) for i in nearest], question
        assert np.allclose([row["similarity"] for row in found], cosines[nearest], atol=1e-6)

        ours = json.loads(call("search", question, "--dir", tree, "--mode", "dense", "-k", "10", "--json").stdout)["hits"]
        best = (f"SELECT DISTINCT ON (content) *, 1 - (embedding <=> {query}) AS similarity FROM lode_chunks "
                f"ORDER BY content, embedding <=> {query}")
        files = loaded.json(f"SELECT * FROM ({best}) AS best ORDER BY similarity DESC LIMIT 10", exact)
        assert [place(row) for row in files] == [place(hit) for hit in ours], question
        assert np.allclose([row["similarity"] for row in files], [hit["score"] for hit in ours], atol=1e-6)


def test_the_hnsw_index_is_used_and_finds_what_a_scan_finds(loaded, rows):
    queries = [row["vector"] for row in rows[::5]]
    script, indexed = [], "-c enable_seqscan=off -c enable_sort=off"
    plan = loaded.psql("-c", f"EXPLAIN SELECT * FROM lode_chunks ORDER BY embedding <=> '{queries[0]}' LIMIT 10",
                       options=indexed).stdout
    assert "Index Scan using lode_chunks_embedding_idx" in plan
    for query in queries:
        script.append(f"SELECT string_agg(content || ' ' || chunk, ',') FROM (SELECT content, chunk FROM lode_chunks "
                      f"ORDER BY embedding <=> '{query}' LIMIT 10) AS q;")
    runs = [loaded.psql(input="\n".join(script), options=options).stdout.splitlines()
            for options in (indexed, "-c enable_indexscan=off")]
    recalls = [len(set(a.split(",")) & set(b.split(","))) / 10 for a, b in zip(*runs, strict=True)]
    assert len(recalls) == len(queries) > 30 and np.mean(recalls) >= 0.95, recalls


def test_the_query_in_the_scripts_last_comment_runs(loaded, rows, tree, call):
    script = call("export", tree, "--to", "pgvector", "-o", "-").stdout
    query = "\n".join(line[3:] for line in script[script.rindex("-- SELECT"):].splitlines())
    assert script.count("\n-- SELECT") == 1 and query.endswith(";")
    found = loaded.psql("-v", f"vector={rows[40]['vector']}", input=query).stdout.splitlines()
    assert len(found) == 10 and found[0].split("|")[:3] == [str(part) for part in place(rows[40])]


@pytest.mark.parametrize("how", [[], ["--files"]], ids=["chunks", "files"])
def test_the_example_prints_what_lode_search_finds(how, loaded, root, lode, tree, call):
    question = QUESTIONS[0]
    done = subprocess.run([sys.executable, root / "examples/pgvector/search.py", question, "--lode", lode, *how], text=True,
                          capture_output=True, env={**loaded.env, "PGOPTIONS": "-c enable_indexscan=off"}, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(done.stdout.splitlines())
    found = [(row["path"], int(row["start_line"]), int(row["end_line"])) for row in rows]
    report = json.loads(call("search", question, "--dir", tree, "--mode", "dense", "--json").stdout)
    ours = [place(hit) for hit in report["hits"]]
    if how:
        assert found == ours
    else:
        assert len(found) == 10 and found[0] == ours[0]
        firsts = list({path: (path, *lines) for path, *lines in reversed(found)}.values())[::-1]  # the best of each file
        assert sorted(firsts) == sorted(ours[:len(firsts)])


def test_vectors_that_are_not_kept_are_made_anew_the_same(tricky, call):
    kept = call("export", tricky, "--to", "jsonl", "-o", "-").stdout
    assert call("export", tricky, "--to", "jsonl", "-o", "-", "--no-cache").stdout == kept


def test_chunks_without_vectors_are_refused_or_left_out_with_a_count(call, tmp_path):
    tree, out = tmp_path / "tree", tmp_path / "out.jsonl"
    tree.mkdir()
    (tree / "old.py").write_text("def old():\n    return 1\n")
    call("index", tree, "--quiet", "--no-vectors")
    for format in ["jsonl", "npy", "pgvector"]:
        done = call("export", tree, "--to", format, "-o", out, code=1)
        assert "has no vectors" in done.stderr and ("--no-vectors" in done.stderr) == (format == "jsonl")
    call("export", tree, "--to", "jsonl", "-o", out, "--no-vectors")
    assert [json.loads(line)["path"] for line in out.read_text().splitlines()] == ["old.py"]
    assert "vector" not in json.loads(out.read_text()) and "model" not in json.loads(out.read_text())
    call("index", tree, "--quiet")
    (tree / "new.py").write_text("def new():\n    return 2\n")
    call("index", tree, "--quiet", "--no-vectors")
    before = out.read_text()
    done = call("export", tree, "--to", "jsonl", "-o", out, code=1)
    assert "1 of 2 chunks have no vector of" in done.stderr and "--partial" in done.stderr and out.read_text() == before
    done = call("export", tree, "--to", "jsonl", "-o", out, "--partial")
    assert "1 without vectors left out" in done.stdout
    assert [json.loads(line)["path"] for line in out.read_text().splitlines()] == ["old.py"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "tree"]


def test_what_cannot_be_exported_is_said_in_one_line(call, tree, tmp_path):
    for args, code, message in [
        ([tmp_path, "--to", "jsonl", "-o", "-"], 1, "lode index"),
        ([tmp_path / "none", "--to", "jsonl", "-o", "-"], 1, "no folder"),
        ([tree, "--to", "npy", "-o", "-"], 2, "two files"),
        ([tree, "--to", "npy", "-o", tmp_path / "a", "--no-vectors"], 2, "jsonl only"),
        ([tree, "--to", "pgvector", "-o", "-", "--table", "a; drop table b"], 2, "--table"),
        ([tree, "--to", "jsonl", "-o", tmp_path / "no/such/folder.jsonl"], 1, "cannot be created"),
    ]:
        done = call("export", *args, code=code)
        assert message in done.stderr and done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, done.stderr
