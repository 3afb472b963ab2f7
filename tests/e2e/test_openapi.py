"""/openapi.json against the server that serves it: schemathesis makes requests that the document allows and requests that it
forbids, and holds status, headers and body of every answer to it. The same requests each time. What no schema can say (a text of too many tokens) is left to the other tests."""
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from conftest import running_server


def schemathesis(url, folder, *args):
    command = [Path(sys.executable).with_name("schemathesis"), "--no-color", "run", url + "/openapi.json", "-c", "all", "--phases", "examples,coverage,fuzzing", "--generation-deterministic", "--max-examples", "25",
               "--request-timeout", "60", "--continue-on-failure", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300,
                          env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("options", [[], ["--allow-truncated-dims", "--accept-token-ids", "--accept-any-model"]],
                         ids=["as it is", "with all that may be allowed"])
def test_schemathesis_finds_nothing(lode, default_model, tmp_path, options):
    # Lists at their limit are sent too: 64 texts show what 8192 would.
    with running_server(lode, "--no-access-log", "--max-inputs", 64, *options) as url:
        with urllib.request.urlopen(url + "/openapi.json") as response:
            document = json.load(response)
        said = schemathesis(url, tmp_path)
    # It leaves out the path that it has the document from.
    n = sum(len(operations) for operations in document["paths"].values()) - 1
    assert f"{n} selected / {n} total" in said, said


def test_a_wrong_document_is_found(lode, default_model, tmp_path):
    """The check of the check: a document that forbids what the server takes does not pass."""
    with running_server(lode, "--no-access-log", "--max-inputs", 64) as url:
        with urllib.request.urlopen(url + "/openapi.json") as response:
            document = json.load(response)
        document["components"]["schemas"]["Version"]["properties"]["api"]["type"] = "integer"
        (tmp_path / "wrong.json").write_text(json.dumps(document))
        command = [Path(sys.executable).with_name("schemathesis"), "--no-color", "run", "wrong.json", "--url", url,
                   "--include-path", "/v1/version", "--generation-deterministic", "--max-examples", "2"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 1 and "/v1/version" in done.stdout, done.stdout
