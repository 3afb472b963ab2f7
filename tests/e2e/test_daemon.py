"""`lode search` beside a running `lode serve --index`: it asks the server, prints what it would have printed by itself, and
does without a server that is gone, asks for a key, or is none of this user's."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from serving import Server, serving, wait_for
from test_search import TREE
from trees import write_files, write_home

KEY = "0123456789abcdef"


def wait_until_filled(server, headers=None):
    def is_filled():
        data = server.ask("GET", "/v1/index", headers=headers)[2]["data"]
        return all(one["complete"] and not one["embedding"] and one["vectors"] == one["chunks"] for one in data)

    wait_for(is_filled, "vectors of all chunks", 120)


class Command:
    """`lode search` in a home: with the server if there is one, or alone."""

    def __init__(self, lode, home):
        self.lode, self.env = lode, {**os.environ, "LODE_HOME": str(home)}

    def __call__(self, *args, alone=False, env=None):
        command = [self.lode, "search", *map(str, args), *(["--no-server"] if alone else [])]
        return subprocess.run(command, env={**self.env, **(env or {})}, capture_output=True, stdin=subprocess.DEVNULL)


def n_asked(server, headers=None):
    return sum(n for name, n in server.metrics(headers).items()
               if name.startswith("lode_requests_total") and "/v1/search" in name)


def has_asked(server, n):
    """Counted when the last byte is sent, a moment after the command has it."""
    wait_for(lambda: n_asked(server) >= n, f"{n} searches")
    return n_asked(server) == n


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("project"), TREE)
    ten_days_ago = time.time() - 10 * 24 * 3600
    os.utime(folder / "docs/guide.md", (ten_days_ago, ten_days_ago))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory, default_model):
    return write_home(tmp_path_factory.mktemp("homes") / "home", default_model)


@pytest.fixture(scope="module")
def served(lode, project, home):
    server = Server(lode, "--index", project, "--no-access-log", env={"LODE_HOME": str(home)})
    wait_until_filled(server)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def search(lode, home):
    return Command(lode, home)


def notes(home):
    return list(Path(home).glob("indexes/*/served-*.json"))


ASKED = [
    ["when does the session token expire"],
    ["welcome somebody kindly", "--mode", "dense"],
    ["check_token", "-k", "3"],
    ["SessionStore.check_token", "--mode", "symbol"],
    ["session token", "--mode", "lexical", "--lang", "py", "--path", "!tests/**"],
    ["session token", "--mode", "bm25", "--path", "app/", "--path", "docs/**"],
    ["session", "--kind", "class", "--kind", "function", "--context", "0"],
    ["TOKEN.expires", "--mode", "exact", "-i"],
    [r"^def \w+\(", "--mode", "regex"],
    ["say_hello", "--mode", "lexical"],
    ["session token", "--mode", "lexical", "--since", "7d"],
    ["zzzz_nowhere", "--mode", "exact"],
]


@pytest.mark.parametrize("args", ASKED, ids=lambda args: " ".join(args)[:30])
def test_the_output_is_that_of_a_search_alone(served, search, project, args):
    for more in [["--json"], []]:
        before = n_asked(served)
        asked = search(*args, "--dir", project, *more)
        assert has_asked(served, before + 1)
        alone = search(*args, "--dir", project, *more, alone=True)
        assert has_asked(served, before + 1)
        assert (asked.returncode, asked.stdout, asked.stderr) == (alone.returncode, alone.stdout, alone.stderr)
        assert asked.returncode == (1 if "zzzz_nowhere" in args else 0)


def test_a_folder_within_the_served_one_is_searched_alone(served, search, project):
    before = n_asked(served)
    asked = search("session token", "--dir", project / "app", "--json")
    assert has_asked(served, before + 1)
    assert asked.stdout == search("session token", "--dir", project / "app", "--json", alone=True).stdout
    assert all(hit["path"].startswith("app/") for hit in json.loads(asked.stdout)["hits"])


def test_what_the_server_refuses_is_refused_as_ever(served, search, project):
    for args, code in [(["(", "--mode", "regex"], 2), (["a", "--lang", "klingon"], 2), (["session", "-k", "5000"], 0),
                       (["  "], 2)]:
        asked, alone = search(*args, "--dir", project), search(*args, "--dir", project, alone=True)
        assert (asked.returncode, asked.stdout, asked.stderr) == (alone.returncode, alone.stdout, alone.stderr)
        assert asked.returncode == code, asked.stderr


def test_another_model_or_no_kept_vectors_is_not_the_servers_answer(served, search, project, tmp_path):
    before = n_asked(served)
    for more in [["--dtype", "int8"], ["--cache", tmp_path]]:
        search("session token", "--dir", project, *more, env={"LODE_NO_CACHE": ""})
    assert n_asked(served) == before
    assert search("session token", "--dir", project, "--mode", "lexical", "--dtype", "int8").returncode == 0
    assert has_asked(served, before + 1)


def test_a_proxy_is_not_asked(served, search, project):
    before = n_asked(served)
    proxies = dict.fromkeys(["http_proxy", "HTTP_PROXY", "all_proxy"], "http://127.0.0.1:9") | {"no_proxy": "", "NO_PROXY": ""}
    assert search("session token", "--dir", project, env=proxies).returncode == 0
    assert has_asked(served, before + 1)


def test_several_folders_at_one_server(lode, project, default_model, tmp_path):
    home = write_home(tmp_path / "home", default_model)
    other = write_files(tmp_path / "app", {"src/app/a.py": "def check_token(key):\n    return key\n", "say.py": "def hush():\n    return 0\n"})
    search = Command(lode, home)
    with serving(lode, "--index", project, "--index", other, "--no-access-log", env={"LODE_HOME": str(home)}) as server:
        wait_until_filled(server)
        for folder in [project, other]:
            for args in [["check_token"], ["token", "--path", "app/**"], ["say", "--path", "*.py"], ["def", "--mode", "exact"],
                         ["token", "--path", "!app/**", "--mode", "bm25"]]:
                before = n_asked(server)
                asked, alone = search(*args, "--dir", folder, "--json"), search(*args, "--dir", folder, "--json", alone=True)
                assert has_asked(server, before + 1)
                assert asked.stdout == alone.stdout and asked.returncode == alone.returncode, args
        assert server.stop() == 0
    assert notes(home) == []


def test_a_server_that_is_gone_is_done_without(lode, project, default_model, tmp_path):
    home = write_home(tmp_path / "home", default_model)
    search = Command(lode, home)
    with serving(lode, "--index", project, env={"LODE_HOME": str(home)}) as server:
        wait_until_filled(server)
        (note,) = notes(home)
        assert note.stat().st_mode & 0o777 == 0o600
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    assert note.exists()
    assert search("check_token", "--dir", project).stdout.startswith(b"app/session.py:11-13")
    # The next server takes the old note away, and its own at its end.
    with serving(lode, "--index", project, env={"LODE_HOME": str(home)}) as server:
        wait_for(lambda: notes(home) and notes(home) != [note], "a note of its own")
        assert len(notes(home)) == 1
        assert server.stop() == 0
    assert notes(home) == []


def test_a_key_is_given_if_there_is_one(lode, project, default_model, tmp_path):
    home = write_home(tmp_path / "home", default_model)
    search = Command(lode, home)
    (tmp_path / "keys").write_text(f"ann:{KEY}\n")
    (tmp_path / "keys").chmod(0o600)
    ann = {"Authorization": f"Bearer {KEY}"}
    with serving(lode, "--index", project, "--api-keys", tmp_path / "keys", env={"LODE_HOME": str(home)}) as server:
        wait_until_filled(server, ann)

        def n_good():
            return sum(n for name, n in server.metrics(ann).items() if name.startswith("lode_requests_total")
                       and "/v1/search" in name and 'status="200"' in name)

        without = search("check_token", "--dir", project)
        assert (without.returncode, without.stderr) == (0, b"") and n_good() == 0
        wrong = search("check_token", "--dir", project, env={"LODE_API_KEY": "f" * 16})
        assert wrong.stdout == without.stdout and b"LODE_API_KEY" in wrong.stderr and n_good() == 0
        right = search("check_token", "--dir", project, env={"LODE_API_KEY": f"ann:{KEY}"})
        assert right.stdout == without.stdout
        wait_for(lambda: n_good() == 1, "the answer to the key")


@contextlib.contextmanager
def listener(answer):
    """A stranger's server: -> (port, the requests it got)"""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            got.append(self.headers.get("Authorization"))
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_note_that_this_user_did_not_write_leads_nowhere(lode, run, default_model, tmp_path):
    """The index lies in the tree, as a stranger's repository may have it."""
    project = write_files(tmp_path / "project", TREE)
    home = write_home(tmp_path / "home", default_model)
    index = project / ".index"
    run("index", project, "--index", index, "--no-vectors", LODE_HOME=str(home))
    search = Command(lode, home)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    begun = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    version = run("--version").stdout.split()[1]
    note = index / "served-1-0.json"

    def asks(port, got, mode=0o600, **changes):
        """Whether a note leads to `port`; what is printed is the own search's in any case."""
        good = {"pid": os.getpid(), "begun": f"{boot} {begun}", "host": "127.0.0.1", "port": port, "version": version,
                "folder": str(project.resolve()), "name": "project", "several": False, "vectors": ""}
        note.write_text(json.dumps(good | changes))
        note.chmod(mode)
        return leads(got)

    def leads(got):
        before = len(got)
        done = search("check_token", "--dir", project, "--index", index, "--mode", "lexical", env={"LODE_API_KEY": KEY})
        assert done.returncode == 0 and done.stdout.startswith(b"app/session.py:11-13"), done.stderr
        return len(got) > before

    with listener((200, {}, b'{"hits": [{"path": "evil"}]}')) as (port, got):
        assert asks(port, got), "the note as it should be is taken, whatever then answers"
        for changes in [{"mode": 0o644}, {"mode": 0o660}, {"host": "evil.example"}, {"host": "127.0.0.1@evil.example"},
                        {"host": "10.0.0.1"}, {"pid": 1}, {"begun": f"{boot} 1"}, {"begun": ""},
                        {"port": port + 65536}, {"port": 0}, {"port": "x"}, {"folder": "/"}, {"version": "0.0.0"}]:
            assert not asks(**({"port": port, "got": got} | changes)), changes
        note.write_text("{" * 100)
        assert not leads(got)
        assert asks(port, got)
        note.rename(tmp_path / "elsewhere.json")
        note.symlink_to(tmp_path / "elsewhere.json")
        assert not leads(got)
        note.unlink()
    for answer in [(307, {"Location": "http://127.0.0.1:9/"}, b""), (500, {}, b"no"), (200, {}, b"[]"), (200, {}, b"\xff" * 9)]:
        with listener(answer) as (port, got):
            assert asks(port, got)
