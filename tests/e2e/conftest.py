"""What the end-to-end tests share: the binary, the shared data, the default model, synthetic checkpoints, a server.

LODE_BIN     the binary (build/release/lode)
LODE_SHARED  the folder of golden files and data sets (../shared beside the source tree); tests that need it are skipped, with
             that reason, where it is absent
LODE_HOME    holds the model store (~/.cache/lode)
"""
import contextlib
import fcntl
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

# Whatever proxy this machine uses, the servers under test are here.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"
# Scores are computed, not remembered; tests of the cache name one of their own.
os.environ["LODE_NO_CACHE"] = "1"
ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("LODE_SHARED") or ROOT.parent / "shared")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures time or load; no other test may run beside it (tools/e2e)")


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def lode():
    """The binary's path, as a string."""
    path = Path(os.environ.get("LODE_BIN") or ROOT / "build/release/lode").resolve()
    assert path.is_file(), f"{path} is missing: run make build, or point LODE_BIN at a lode binary"
    return str(path)


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED} (set LODE_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def default_model():
    """The installed default model's folder."""
    home = Path(os.environ.get("LODE_HOME") or Path.home() / ".cache/lode")  # empty is unset, as for lode
    folder = home / "models/all-minilm-l6-v2"
    assert (folder / "model.safetensors").is_file(), f"{folder} is missing: run make default-model"
    return folder


@pytest.fixture(scope="session")
def checkpoint(shared):
    """checkpoint(model, size, dtype="f32", shards=1) -> folder, written by the shared maker once and kept in build/golden."""
    maker = shared / "golden/make_checkpoint.py"
    version = hashlib.sha256(maker.read_bytes()).hexdigest()[:8]
    store = ROOT / "build/golden"
    store.mkdir(parents=True, exist_ok=True)

    def make(model, size, dtype="f32", shards=1):
        folder = store / f"{model}-{size}-{dtype}-{shards}-{version}"
        with open(store / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                part = folder.with_name(folder.name + ".part")
                shutil.rmtree(part, ignore_errors=True)
                subprocess.run([sys.executable, maker, model, size, dtype, part, "--shards", str(shards)], check=True,
                               stdin=subprocess.DEVNULL)
                part.rename(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def run(lode):
    """run(*args, input=None, check=True, **env) -> CompletedProcess of `lode ARGS`, text in and out."""

    def call(*args, input=None, check=True, **env):
        stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run([lode, *map(str, args)], capture_output=True, text=True, timeout=300, env={**os.environ, **env},
                              **stdin)
        if check:
            assert done.returncode == 0, f"lode {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr}"
        return done

    return call


def free_port():
    """A port that is free now, that no other worker of pytest-xdist picks and that no client is given: each worker has a
    range of its own below the kernel's ephemeral ports."""
    first = 20000 + 2000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    while True:
        port = random.randrange(first, first + 2000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def get_json(url):
    with urllib.request.urlopen(url, timeout=5) as response:
        return json.load(response)


def wait_ready(base_url, process, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with {process.returncode} before it was ready"
        with contextlib.suppress(OSError, urllib.error.URLError):
            get_json(base_url + "/v1/health/ready")
            return
        time.sleep(0.05)
    raise AssertionError(f"not ready after {seconds} s: {base_url}")


@contextlib.contextmanager
def running_server(lode, *args, port=None):
    """`lode serve ARGS` on a free port of 127.0.0.1; yields its base URL, ends it with SIGTERM, asserts a clean exit."""
    port = port or free_port()
    process = subprocess.Popen([lode, "serve", "--port", str(port), *map(str, args)], stdin=subprocess.DEVNULL)
    try:
        wait_ready(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        assert process.wait(timeout=60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def server(lode, default_model):
    """Base URL of a server with the default model, shared by the tests that only read."""
    with running_server(lode) as url:
        yield url
