"""`lode serve --index`: search over HTTP beside the models, kept fresh, and MCP at /mcp with the official client."""
import asyncio
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from mcp.client.client import Client
from serving import Server
from test_openapi import schemathesis
from trees import write_files, write_home

FILES = {
    "shop/basket.py": "class Basket:\n    def add(self, item):\n        self.items.append(item)\n\n    def total(self):\n"
                      "        return sum(item.price for item in self.items)\n",
    "shop/discount.py": "def reduce_price(price, percent):\n    return price - price * percent / 100\n",
    "README.md": "# Shop\n\nBaskets and their totals.\n",
}


def wait_for(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def state(server):
    return server.ask("GET", "/v1/index")[2]["data"][0]


def is_filled(server):
    now = state(server)
    return now["complete"] and not now["embedding"] and now["vectors"] == now["chunks"]


@pytest.fixture(scope="module")
def served(lode, default_model, tmp_path_factory):
    """A server of the default model and of one folder, and the folder."""
    top = tmp_path_factory.mktemp("shop")
    write_files(top, FILES)
    home = write_home(tmp_path_factory.mktemp("home"), default_model)
    server = Server(lode, "--index", top, "--no-access-log", env={"LODE_HOME": str(home)})
    server.home = str(home)
    wait_for(lambda: is_filled(server))
    yield server, top
    assert server.stop() == 0


def search(server, **body):
    status, _, reply = server.ask("POST", "/v1/search", body)
    assert status == 200, reply
    return reply


def test_search_similar_and_the_state_of_the_index(served):
    server, top = served
    reply = search(server, query="how is the total of a basket made?", top_k=2)
    assert reply["hits"][0]["path"] == "shop/basket.py" and reply["index"]["folder"] == str(top.resolve())
    status, _, reply = server.ask("POST", "/v1/similar", {"path": "shop/basket.py", "line": 2})
    assert status == 200 and "shop/basket.py" not in [hit["path"] for hit in reply["hits"]]
    status, _, reply = server.ask("GET", "/v1/index")
    assert status == 200 and reply["data"][0]["files"] >= len(FILES) and reply["data"][0]["error"] is None


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "bm25", "symbol"])
def test_the_answer_is_that_of_the_command(served, run, mode):
    server, top = served
    home = server.home
    query = "reduce_price" if mode == "symbol" else "reduce the price of it"
    printed = json.loads(run("search", query, "--dir", top, "--mode", mode, "--json", "--no-server", LODE_HOME=home).stdout)
    reply = search(server, query=query, mode=mode)
    assert reply["hits"] and reply == printed
    assert reply["index"]["vectors"] == (reply["index"]["chunks"] if mode in ("hybrid", "dense") else None)


def test_vectors_find_what_has_none_of_the_words(served):
    server, _ = served
    dense = search(server, query="make it cheaper for the customer", mode="dense")
    assert dense["hits"][0]["path"] == "shop/discount.py"
    assert dense["hits"][0]["why"][0].startswith("similarity ")
    assert "shop/discount.py" in [hit["path"] for hit in search(server, query="make it cheaper")["hits"]]


def test_what_is_new_gets_its_vectors_while_it_serves(served):
    server, top = served
    before = state(server)["vectors"]
    (top / "farm.py").write_text("def gallop(horse):\n    return horse.legs.run()\n")

    def found():
        hits = search(server, query="an animal that runs quickly", mode="dense")["hits"]
        return hits[0]["path"] == "farm.py"

    wait_for(found)
    assert state(server)["vectors"] == before + 1
    (top / "farm.py").unlink()
    wait_for(lambda: state(server)["vectors"] == before)


def test_what_changes_is_found_without_being_asked(served):
    server, top = served
    (top / "zoo" / "cage").mkdir(parents=True)
    (top / "zoo" / "cage" / "zebra.py").write_text("def zebra():\n    return 1\n")
    wait_for(lambda: search(server, query="zebra", mode="exact")["hits"])
    (top / "zoo" / "cage" / "zebra.py").unlink()
    wait_for(lambda: not search(server, query="zebra", mode="exact")["hits"])

    def is_done():
        now = state(server)
        return now["complete"] and not now["indexing"] and now["files_done"] == now["files_to_do"] == now["files"]

    wait_for(is_done)


def test_a_folder_in_the_place_of_the_served_one_is_followed_and_none_is_told(lode, default_model, tmp_path):
    top = tmp_path / "d"
    write_files(top, {"a.py": "def alpha_one():\n    pass\n", "sub/b.py": "def beta_two():\n    pass\n"})
    home = write_home(tmp_path / "home", default_model)
    server = Server(lode, "--index", top, "--no-vectors", "--no-access-log", env={"LODE_HOME": str(home)})

    def finds(name):
        return bool(search(server, query=name, mode="exact")["hits"])

    def expect(path, name):
        path.write_text(f"def {name}():\n    pass\n")
        wait_for(lambda: finds(name), 10)

    wait_for(lambda: finds("beta_two"))
    (top / "sub").rename(tmp_path / "elsewhere")
    (top / "sub").mkdir()
    wait_for(lambda: not finds("beta_two"), 10)
    expect(top / "sub/c.py", "gamma_three")
    top.rename(tmp_path / "old")
    top.mkdir()
    expect(top / "n.py", "delta_four")
    assert not finds("alpha_one") and not finds("gamma_three")
    expect(top / "o.py", "epsilon_five")
    shutil.rmtree(top)
    wait_for(lambda: f"cannot open {top}" in (state(server)["error"] or ""), 10)
    assert finds("delta_four")
    top.mkdir()
    expect(top / "p.py", "zeta_six")
    expect(top / "q.py", "eta_seven")
    assert state(server)["error"] is None and not finds("delta_four")
    assert server.stop() == 0


def test_searches_and_embeddings_go_side_by_side(served):
    server, _ = served

    def one(i):
        if i % 4 == 0:
            return len(server.embed(input=f"text {i}")["data"])
        return len(search(server, query=f"basket total {i}")["hits"]) > 0

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(200)))


def test_the_official_client_speaks_http(served):
    server, _ = served

    async def drive():
        async with Client(server.url + "/mcp") as client:
            listed = await client.list_tools()
            assert [tool.name for tool in listed.tools] == ["search", "read_lines", "symbols", "similar", "status"]
            found = await client.call_tool("search", {"query": "how is the total of a basket made?"})
            assert found.structured_content["hits"][0]["path"] == "shop/basket.py"
            refused = await client.call_tool("read_lines", {"path": "../../etc/passwd"})
            assert refused.is_error

    asyncio.run(drive())


def test_a_page_of_another_origin_may_not_speak_mcp(served):
    server, _ = served
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert server.ask("POST", "/mcp", ping, {"Origin": "https://evil.example"})[0] == 403
    assert server.ask("POST", "/mcp", ping, {"Origin": "http://localhost:6274"})[0] == 200
    assert server.ask("GET", "/mcp")[0] == 405


def test_schemathesis_finds_nothing(served, tmp_path):
    server, _ = served
    said = schemathesis(server.url, tmp_path, "--include-path-regex", "^/v1/(search|similar|index)$")
    assert "3 selected" in said, said


def test_keys_and_rate_limits_hold_for_search_too(lode, default_model, tmp_path):
    write_files(tmp_path / "top", FILES)
    (tmp_path / "keys").write_text("ann:0123456789abcdef\n")
    (tmp_path / "keys").chmod(0o600)
    server = Server(lode, "--model", default_model, "--index", tmp_path / "top", "--api-keys", tmp_path / "keys",
                    "--rate-limit", "5/min", "--no-access-log", env={"LODE_HOME": str(tmp_path / "home")})
    try:
        for method, path in [("POST", "/v1/search"), ("POST", "/v1/similar"), ("GET", "/v1/index"), ("POST", "/mcp")]:
            assert server.ask(method, path, {"query": "a"} if method == "POST" else None)[0] == 401, path
        key = {"Authorization": "Bearer 0123456789abcdef"}
        statuses = [server.ask("POST", "/v1/search", {"query": "basket"}, key)[0] for _ in range(7)]
        assert statuses == [200] * 5 + [429] * 2
    finally:
        server.stop()


def test_a_folder_that_is_not_there_is_refused_at_the_start(run, default_model, tmp_path):
    done = run("serve", "--model", default_model, "--index", tmp_path / "nowhere", "--check-config", check=False)
    assert done.returncode == 1 and "no folder" in done.stderr


def test_a_stop_while_vectors_are_made_is_prompt_and_the_next_start_goes_on(lode, run, default_model, tmp_path_factory):
    top = tmp_path_factory.mktemp("many")
    for i in range(400):
        (top / f"part{i}.py").write_text("".join(f"def step_{i}_{j}(value):\n    return value * {i} + {j}\n\n" for j in range(12)))
    env = {"LODE_HOME": str(write_home(tmp_path_factory.mktemp("home"), default_model))}
    server = Server(lode, "--index", top, "--no-access-log", env=env)
    wait_for(lambda: (now := state(server))["embedding"] and (now["vectors"] or 0) >= 32, 120)
    made = state(server)
    assert made["vectors"] < made["chunks"], "too fast to be stopped in the middle"
    # A search uses what is there, at once, and says so; an embedding does not wait for the chunks.
    reply = search(server, query="step_7_3 value")
    assert 0 < reply["index"]["vectors"] < reply["index"]["chunks"] and reply["hits"][0]["path"] == "part7.py"
    server.embed(input="a request beside it")
    # Neither does who brings the index up to date by hand.
    (top / "part0.py").write_text("def replaced():\n    return 0\n")
    run("index", top, "--no-vectors", **env)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    server = Server(lode, "--index", top, "--no-access-log", env=env)
    try:
        wait_for(lambda: (state(server)["vectors"] or 0) >= made["vectors"] - 12)  # those of the replaced file went
        assert state(server)["error"] is None
    finally:
        assert server.stop() == 0


def test_without_vectors_searches_go_by_terms_and_dense_says_why_not(lode, default_model, tmp_path):
    write_files(tmp_path / "top", FILES)
    server = Server(lode, "--model", default_model, "--index", tmp_path / "top", "--no-vectors", "--no-access-log",
                    env={"LODE_HOME": str(tmp_path / "home")})
    try:
        wait_for(lambda: state(server)["complete"])
        assert state(server)["vectors"] is None and not state(server)["embedding"]
        reply = search(server, query="basket total")
        assert reply["hits"][0]["path"] == "shop/basket.py" and reply["index"]["vectors"] == 0
        status, _, refused = server.ask("POST", "/v1/search", {"query": "basket", "mode": "dense"})
        assert status == 400 and "no vectors" in refused["error"]["message"]
    finally:
        server.stop()
