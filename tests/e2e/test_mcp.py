"""`lode mcp`, driven by the official Python client and by lines written by hand."""
import asyncio
import json
import os
import signal
import subprocess
import time

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from trees import write_files, write_home

FILES = {
    "shop/basket.py": "class Basket:\n    def add(self, item):\n        self.items.append(item)\n\n    def total(self):\n"
                      "        return sum(item.price for item in self.items)\n",
    "shop/discount.py": "def reduce_price(price, percent):\n    return price - price * percent / 100\n",
    "net/http.py": "def fetch(url, timeout):\n    connection = open_socket(url)\n    connection.settimeout(timeout)\n"
                   "    return connection.read()\n",
    "README.md": "# Shop\n\nBaskets and their totals.\n",
}


@pytest.fixture
def folder(tmp_path):
    top = write_files(tmp_path / "shop-project", FILES)
    (tmp_path / "secret.txt").write_text("the launch code\n")
    (top / "link").symlink_to(tmp_path)
    return top


@pytest.fixture
def home(tmp_path):
    return {"LODE_HOME": str(tmp_path / "home")}


class Lines:
    """`lode mcp` with its pipes: send a line, read a line."""

    def __init__(self, lode, folder, env):
        self.process = subprocess.Popen([lode, "mcp", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env={**os.environ, **env})

    def send(self, data):
        self.process.stdin.write(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, method, params=None, id=1):
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}})
        return self.read()

    def call(self, tool, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]

    def end(self):
        self.process.stdin.close()
        rest, errors = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(60), rest, errors.decode()


@pytest.fixture
def lines(lode, folder, home):
    started = Lines(lode, folder, home)
    yield started
    started.process.kill()
    started.process.wait()


def test_the_official_client_lists_the_tools_and_uses_each(lode, folder, home):
    async def drive():
        server = StdioServerParameters(command=lode, args=["mcp", str(folder)], env={**os.environ, **home})
        async with Client(server) as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == ["search", "read_lines", "symbols", "similar", "status"]
            # The client checks each structured answer against the tool's output schema.
            found = await client.call_tool("search", {"query": "how is the total of a basket made?"})
            assert not found.is_error
            assert found.structured_content["hits"][0]["path"] == "shop/basket.py"
            assert "shop/basket.py" in found.content[0].text
            read = await client.call_tool("read_lines", {"path": "shop/basket.py", "start": 5, "end": 6})
            assert read.structured_content["text"] == "".join(FILES["shop/basket.py"].splitlines(True)[4:6])
            symbols = await client.call_tool("symbols", {"name": "reduce_price"})
            assert symbols.structured_content["symbols"][0]["path"] == "shop/discount.py"
            similar = await client.call_tool("similar", {"path": "shop/basket.py", "line": 2})
            assert "shop/basket.py" not in [hit["path"] for hit in similar.structured_content["hits"]]
            status = await client.call_tool("status", {})
            assert status.structured_content["indexes"][0]["files"] == len(FILES)
            refused = await client.call_tool("read_lines", {"path": "../secret.txt"})
            assert refused.is_error and "launch code" not in refused.content[0].text

    asyncio.run(drive())


def test_the_official_client_pages_through_all_hits(lode, folder, home):
    for i in range(25):
        (folder / f"many{i}.txt").write_text(f"a needle here, number {i}\n")

    async def drive():
        server = StdioServerParameters(command=lode, args=["mcp", str(folder)], env={**os.environ, **home})
        async with Client(server) as client:
            asked, paths = {"query": "needle", "mode": "regex", "limit": 10}, []
            for _ in range(5):
                page = (await client.call_tool("search", asked)).structured_content
                paths += [hit["path"] for hit in page["hits"]]
                if page["next_cursor"] is None:
                    break
                asked["cursor"] = page["next_cursor"]
            assert sorted(paths) == sorted(f"many{i}.txt" for i in range(25))

    asyncio.run(drive())


def test_stdout_has_nothing_but_answers_and_the_end_of_stdin_ends_it(lines):
    assert lines.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                    "clientInfo": {"name": "t", "version": "1"}})["result"]["protocolVersion"] == "2025-06-18"
    lines.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert lines.ask("ping", id="x") == {"jsonrpc": "2.0", "id": "x", "result": {}}
    code, rest, errors = lines.end()
    assert code == 0 and rest == b"" and errors == ""


def test_lines_that_are_no_messages_are_answered_and_the_next_one_too(lines):
    for data, code in [(b"nonsense\n", -32700), (b"\xff\xfe\n", -32700), (b"{}\n", -32600), (b"[]\n", -32600),
                       (b'{"jsonrpc":"2.0","id":1,"method":"a"}\r\n', -32601), (b"[" * 5000 + b"\n", -32700)]:
        lines.send(data)
        assert lines.read()["error"]["code"] == code, data
    lines.send(b"\n  \n")  # nothing is said to an empty line
    lines.send(b'"' + b"a" * (5 << 20) + b'"\n')
    assert lines.read()["error"]["code"] == -32600
    # Split in the middle, and two in one write.
    ping = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'
    lines.send((ping % 7)[:20])
    time.sleep(0.1)
    lines.send((ping % 7)[20:] + ping % 8)
    assert [lines.read()["id"], lines.read()["id"]] == [7, 8]


def test_a_last_message_without_a_line_end_is_answered(lines):
    lines.send(b'{"jsonrpc":"2.0","id":5,"method":"ping"}')
    code, rest, _ = lines.end()
    assert code == 0 and json.loads(rest)["id"] == 5


def test_what_changes_while_it_runs_is_found(lines, folder):
    assert lines.call("search", query="zebra", mode="exact")["structuredContent"]["n_found"] == 0
    (folder / "zoo.py").write_text("def zebra():\n    return 1\n")
    deadline = time.monotonic() + 60
    while True:
        found = lines.call("search", query="zebra", mode="exact")["structuredContent"]
        if found["hits"]:
            break
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    assert found["hits"][0]["path"] == "zoo.py"


def test_two_servers_share_an_index(lode, folder, home):
    one, two = Lines(lode, folder, home), Lines(lode, folder, home)
    for server in (one, two):
        deadline = time.monotonic() + 60
        while not (found := server.call("search", query="reduce_price")["structuredContent"])["hits"]:
            assert time.monotonic() < deadline, found
            time.sleep(0.5)
        assert found["hits"][0]["path"] == "shop/discount.py"
    assert one.end()[0] == 0 and two.end()[0] == 0


def test_links_and_paths_outside_show_nothing(lines, folder):
    for path in ["../secret.txt", "link/secret.txt", str(folder.parent / "secret.txt"), "/etc/passwd", "a\0b",
                 "%2e%2e/secret.txt", f"{folder}/../secret.txt"]:
        result = lines.call("read_lines", path=path)
        assert result["isError"] and "launch code" not in json.dumps(result), path
    assert lines.call("search", query="launch code", mode="exact")["structuredContent"]["hits"] == []


def test_a_folder_that_is_not_there_and_a_signal_end_it_as_other_commands(run, lode, folder, home):
    missing = run("mcp", folder / "nowhere", check=False)
    assert missing.returncode == 1 and "no folder" in missing.stderr and missing.stdout == ""
    both = run("mcp", folder, folder, "--index", folder / "i", check=False)
    assert both.returncode == 2 and both.stdout == ""
    server = Lines(lode, folder, home)
    server.ask("ping")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(60) in (0, 130)


def test_hybrid_uses_the_vectors_that_the_index_has_and_the_model_is_loaded_when_needed(lode, run, folder, home, default_model):
    write_home(folder.parent / "home", default_model)
    run("index", folder, **home)
    asked = {"query": "make it cheaper for the customer"}
    printed = json.loads(run("search", asked["query"], "--dir", folder, "--json", "--no-server", **home).stdout)
    server = Lines(lode, folder, home)
    try:
        assert server.call("status")["structuredContent"]["indexes"][0]["vectors"] is None  # not looked for yet
        found = server.call("search", **asked)["structuredContent"]
        assert [hit["path"] for hit in found["hits"]] == [hit["path"] for hit in printed["hits"]]
        assert [hit["why"] for hit in found["hits"]] == [hit["why"] for hit in printed["hits"]]
        dense = server.call("search", **asked, mode="dense")["structuredContent"]
        assert dense["hits"][0]["path"] == "shop/discount.py" and dense["hits"][0]["why"][0].startswith("similarity ")
        status = server.call("status")["structuredContent"]["indexes"][0]
        assert status["vectors"] == status["chunks"]
        code, rest, errors = server.end()
        assert (code, rest, errors) == (0, b"", "")
    finally:
        server.process.kill()
    server = Lines(lode, folder, home | {"LODE_NO_VECTORS": "1"})
    assert server.call("search", **asked, mode="dense")["isError"]
    assert server.end()[0] == 0


def test_dense_without_vectors_is_an_answer_that_says_so(lines):
    lines.call("search", query="basket")  # until there is an index
    result = lines.call("search", query="basket", mode="dense")
    assert result["isError"] and "no vectors" in result["content"][0]["text"]
