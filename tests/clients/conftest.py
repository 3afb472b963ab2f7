"""Every client of examples/, in an environment of its own (made by ./run beside this file). Servers, models and the binary come
from the fixtures of tests/e2e."""
import importlib.util
import os
import sys
from pathlib import Path

import pytest

E2E = Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(E2E))
# The other folder's conftest.py has this one's module name, so it is loaded under another; its fixtures count as this one's.
specification = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(specification)
specification.loader.exec_module(e2e)
globals().update({name: thing for name, thing in vars(e2e).items() if not name.startswith("_")})

# Nothing asks the internet for prices or reports what it does.
os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HAYSTACK_TELEMETRY_ENABLED": "False"}
NAME = "nvidia/nv-embedcode-7b-v1"


@pytest.fixture(scope="session")
def prompted(checkpoint):
    """The folder of a model that has a query prompt."""
    return checkpoint("nv-embedcode", "tiny")


@pytest.fixture(scope="session")
def prompted_server(lode, prompted):
    """Base URL of a server that serves it as NAME."""
    with e2e.running_server(lode, "--model", prompted, "--alias", f"{NAME}={prompted}") as url:
        yield url


@pytest.fixture(scope="session")
def expected(lode, prompted):
    """expected(side, *texts) -> bytes of the command's vectors with that model"""
    from example_programs import commands_vectors
    return lambda side, *texts: commands_vectors(lode, prompted, [(text, side) for text in texts])


@pytest.fixture(scope="session")
def refusal(lode, default_model):
    """What a server with a full queue says: (status, headers, body)."""
    from busy_server import ask, full_server
    with full_server(lode) as url:
        return ask(url, {"input": "a"})
