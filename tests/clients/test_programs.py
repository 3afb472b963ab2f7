"""Every client program of examples/: its vectors are those of `lode embed`, bit for bit, on a model without prompts and on one
with them; an unknown model's error reaches the user; a full queue is waited for."""
import pytest
from busy_server import BusyFront
from conftest import NAME
from example_programs import ALL, commands_vectors, printed_vectors, start

every = pytest.mark.parametrize("example", ALL, ids=str)


@every
def test_it_prints_the_commands_vectors(example, server, root, lode, default_model):
    assert printed_vectors(start(example, root, f"{server}/v1")) == commands_vectors(lode, default_model, example.texts)


@every
def test_a_model_with_prompts_gets_the_side_of_each_text(example, prompted_server, root, lode, prompted):
    printed = printed_vectors(start(example, root, f"{prompted_server}/v1", NAME))
    assert printed == commands_vectors(lode, prompted, example.texts)


@every
def test_it_shows_what_the_server_says_of_an_unknown_model(example, server, root):
    done = start(example, root, f"{server}/v1", "acme/nothing")
    assert "'acme/nothing' is not served here" in done.stdout + done.stderr and done.returncode != 0


@every
def test_it_comes_back_after_a_429_or_shows_it(example, server, root, lode, default_model, refusal):
    assert refusal[0] == 429
    with BusyFront(server, refusal) as front:
        done = start(example, root, f"{front.url}/v1")
    if example.retries:
        assert printed_vectors(done) == commands_vectors(lode, default_model, example.texts)
        if example.retries == "in time":
            assert front.pauses()[0] >= 1, "sooner than Retry-After says"
    else:
        assert done.returncode != 0 and "queue" in done.stdout + done.stderr and len(front.asked) == 1
