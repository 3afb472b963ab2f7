"""What all commands share: help, exit codes, where options come from, error lines, stdout that fills up or goes away."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

COMMANDS = ["bench", "convert", "embed", "eval", "export", "health", "index", "inspect", "mcp", "models", "pull", "score", "search", "serve", "similar",
            "tokenize", "train-ranker"]
USAGE, FAILED, INTERRUPTED = 2, 1, 130


@pytest.fixture
def cli(lode, tmp_path):
    """cli(*args, **env) -> CompletedProcess with an empty model store and no LODE_ variables but the given ones."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LODE_", "HF_"))}

    def call(*args, **env):
        return subprocess.run([lode, *map(str, args)], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                              env={**clean, "LODE_HOME": str(tmp_path / "home"), **env})

    return call


def error_line(done, code):
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("lode: "), done.stderr
    return lines[0]


@pytest.fixture
def config(tmp_path):
    def write(text):
        (tmp_path / "lode.toml").write_text(text)
        return tmp_path / "lode.toml"

    return write


def test_help_lists_every_command(cli):
    done = cli("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.split("Commands:\n")[1].strip().splitlines()
    assert sorted(line.strip().split("  ")[0] for line in listed) == sorted([*COMMANDS, "eval compare"])
    assert len(done.stdout.splitlines()) < 32  # a screen


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_opens_with_an_example(cli, command):
    done = cli(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    first, example = done.stdout.splitlines()[:2]
    assert first == "Example:" and f"lode {command}" in example
    for option in ("--threads", "--quiet", "--json", "--config"):
        assert option in done.stdout


def test_version(cli):
    done = cli("--version")
    assert done.returncode == 0 and done.stdout.split()[0] == "lode" and len(done.stdout.split()) == 2


@pytest.mark.parametrize("args, line", [
    ([], "no command given"),
    (["emebd"], "unknown command emebd. Did you mean embed?"),
    (["embed", "--modle", "x"], "unknown option --modle for `lode embed`. Did you mean --model?"),
    (["models", "--jsn"], "unknown option --jsn for `lode models`. Did you mean --json?"),
    (["models", "extra"], 'unexpected argument "extra" for `lode models`'),
    (["models", "--threads", "many"], "--threads"),
    (["models", "--threads", "-1"], "--threads"),
    (["models", "--threads"], "--threads"),
    (["pull"], "NAME is required"),
    (["score", "-q", "a"], "--passage is required"),
    (["embed", "--truncate", "middle"], "--truncate"),
    (["embed", "--input-type", "document"], "--input-type"),
    (["serve", "--port", "70000"], "--port"),
])
def test_wrong_usage_is_one_line_and_2(cli, args, line):
    assert line in error_line(cli(*args), USAGE)


@pytest.mark.parametrize("command", [["embed", "--model"], ["tokenize", "--model"], ["serve", "--model"], ["inspect"],
                                     ["score", "-q", "a", "-p", "b", "--model"]])
def test_a_known_model_that_is_not_here_names_the_line_that_gets_it(cli, command):
    line = error_line(cli(*command, "nvidia/NV-Embed-v1"), FAILED)
    assert "nv-embed-v1 is not installed" in line and "`lode pull nv-embed-v1`" in line
    line = error_line(cli(*command, "nv-embed-1"), FAILED)
    assert 'unknown model "nv-embed-1"' in line and "nv-embedcode-7b-v1" in line and "Did you mean nv-embed-v1?" in line


def test_no_model_means_the_default_one(cli):
    assert "`lode pull all-minilm-l6-v2`" in error_line(cli("embed"), FAILED)


def test_models_without_any(cli, tmp_path):
    done = cli("models")
    assert done.returncode == 0
    rows = {line.split()[0]: line for line in done.stdout.splitlines()[1:6]}
    assert set(rows) == {"all-minilm-l6-v2", "nv-embed-v1", "nv-embed-v2", "nv-embedcode-7b-v1", "sfr-embedding-2_r"}
    assert all(" no " in row for row in rows.values())
    assert "CC-BY-NC-4.0" in rows["nv-embed-v1"] and "15.7 GB" in rows["nv-embed-v1"] and "4096" in rows["nv-embed-v1"]
    assert "Apache-2.0" in rows["all-minilm-l6-v2"] and "384" in rows["all-minilm-l6-v2"]
    assert not (tmp_path / "home").exists()


def test_models_with_one(cli, default_model, tmp_path):
    (tmp_path / "home/models").mkdir(parents=True)
    (tmp_path / "home/models/all-minilm-l6-v2").symlink_to(default_model)
    rows = {model["name"]: model for model in json.loads(cli("models", "--json").stdout)}
    assert rows["all-minilm-l6-v2"]["installed"] and rows["all-minilm-l6-v2"]["default"]
    assert rows["all-minilm-l6-v2"]["folder"] == str(tmp_path / "home/models/all-minilm-l6-v2")
    assert not rows["nv-embed-v2"]["installed"] and rows["nv-embed-v2"]["folder"] is None
    assert rows["nv-embed-v2"] | {"id": "nvidia/NV-Embed-v2", "dims": 4096, "licence": "CC-BY-NC-4.0"} == rows["nv-embed-v2"]


def test_no_place_for_models(cli):
    assert "Set LODE_HOME" in error_line(cli("models", LODE_HOME="", HOME=""), FAILED)


def test_command_line_before_environment_before_file(cli, config):
    file = config('[tokenize]\nmodel = "from-file"\n')
    tokenize = lambda *args, **env: error_line(cli("tokenize", "--config", file, *args, **env), FAILED)
    assert '"from-file"' in tokenize()
    assert '"from-environment"' in tokenize(LODE_MODEL="from-environment")
    assert '"from-command-line"' in tokenize("--model", "from-command-line", LODE_MODEL="from-environment")
    assert '"from-file"' in error_line(cli("tokenize", LODE_CONFIG=str(file)), FAILED)


def test_a_top_level_key_is_for_all_commands(cli, config):
    file = config('json = true\nmodel = "everywhere"\n[tokenize]\nmodel = "here"\n')
    assert json.loads(cli("models", "--config", file).stdout)
    assert '"everywhere"' in error_line(cli("embed", "--config", file), FAILED)
    assert '"here"' in error_line(cli("tokenize", "--config", file), FAILED)


@pytest.mark.parametrize("text, message", [
    ("thread = 2\n", 'lode.toml:1: unknown key "thread". Did you mean "threads"?'),
    ("[embed]\n\nmax_length = 9\n", 'lode.toml:3: unknown key "max_length". Did you mean "max-length"?'),
    ("[embd]\n", 'lode.toml:1: unknown table "embd". Did you mean "embed"?'),
    ("[serve]\nfrom = 'x'\n", 'lode.toml:2: unknown key "from"'),
    ("threads = \n", "lode.toml:1: not TOML"),
    ("threads = 'many'\n", "(from "),
])
def test_a_wrong_config_file_is_wrong_usage(cli, config, text, message):
    assert message in error_line(cli("models", "--config", config(text)), USAGE)


def test_a_missing_config_file_is_wrong_usage(cli, tmp_path):
    assert "cannot read the config file" in error_line(cli("models", "--config", tmp_path / "none.toml"), USAGE)
    assert "cannot read the config file" in error_line(cli("models", LODE_CONFIG=str(tmp_path / "none.toml")), USAGE)


def test_a_bad_variable_is_named_and_concerns_its_command_only(cli):
    assert "(from LODE_PORT)" in error_line(cli("serve", LODE_PORT="many"), USAGE)
    assert cli("models", LODE_PORT="many").returncode == 0
    assert cli("models", LODE_THREADS="").returncode == 0


def test_error_lines_stay_lines(cli):
    line = error_line(cli("embed", "--model", "a\nb\x1b[2J"), FAILED)
    assert "a\\nb\\x1b[2J" in line


def test_a_full_disk_behind_stdout_is_a_failure(lode):
    with open("/dev/full", "w") as full:
        for args in (["models"], ["--help"], ["--version"]):
            done = subprocess.run([lode, *args], stdout=full, stderr=subprocess.PIPE, text=True)
            assert done.returncode == FAILED
            assert done.stderr == "lode: cannot write to standard output: No space left on device\n"


def test_a_closed_stdout_is_a_failure(lode):
    done = subprocess.run(["sh", "-c", f'"{lode}" models >&-'], stderr=subprocess.PIPE, text=True)
    assert done.returncode == FAILED and "cannot write to standard output" in done.stderr


def test_a_reader_that_goes_away_is_no_failure(lode):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([lode, "models"], stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def wait_for_handler(process):
    """Until the process catches SIGINT."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16)
        if caught & 1 << (signal.SIGINT - 1):
            return
        time.sleep(0.02)
    raise AssertionError("the process never caught SIGINT")


@pytest.mark.parametrize("command", ["embed", "tokenize"])
def test_ctrl_c_while_reading_ends_with_130(lode, default_model, command):
    process = subprocess.Popen([lode, command, "--model", default_model], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    process.stdin.write("one line\n")
    process.stdin.flush()
    wait_for_handler(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == INTERRUPTED
    assert process.stderr.read().splitlines()[-1].startswith("lode: ")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_other_ends_are_told_too_and_leave_nothing(lode, default_model, tmp_path, how):
    # Whoever runs the tests may have a hang-up ignored, and it would stay so.
    process = subprocess.Popen([lode, "embed", "--model", default_model, "-o", tmp_path / "out.npy"], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(how, signal.SIG_DFL))
    wait_for_handler(process)
    process.send_signal(how)
    assert process.wait(timeout=20) == 128 + how
    assert process.stderr.read().splitlines()[-1] == "lode: interrupted"
    assert list(tmp_path.iterdir()) == []


def test_a_hang_up_that_is_ignored_stays_so(lode, default_model):
    command = [lode, "embed", "--model", default_model]
    process = subprocess.Popen(["nohup", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for_handler(process)
    process.send_signal(signal.SIGHUP)
    assert len(process.communicate("one line\n", timeout=20)[0].splitlines()) == 1 and process.returncode == 0


def test_vectors_do_not_replace_their_texts(cli, default_model, tmp_path):
    texts = tmp_path / "texts.jsonl"
    texts.write_text('{"text": "one"}\n')
    (tmp_path / "link.jsonl").symlink_to(texts)
    for output in [texts, tmp_path / "link.jsonl"]:
        line = error_line(cli("embed", texts, "--model", default_model, "-o", output), USAGE)
        assert "holds the texts, and vectors would replace it" in line
    assert texts.read_text() == '{"text": "one"}\n'


def test_a_text_that_is_too_long_is_named_and_can_be_cut(cli, default_model):
    long, model = "word " * 600, ["--model", default_model]
    line = error_line(cli("score", "-q", "short", long, "-p", "b", *model), FAILED)
    assert line.startswith("lode: query 2: Input length 602 exceeds") and "--truncate end or start" in line
    assert "passage 1: Input length" in error_line(cli("score", "-q", "a", "-p", long, *model), FAILED)
    end, start = (cli("score", "-q", "first " + long + "last", "-p", "first", "last", *model, "--truncate", how).stdout
                  for how in ["END", "start"])
    assert end != start and end.startswith("[[")


def test_a_choice_that_is_none_lists_them(cli, tmp_path):
    assert "--to: foo not in {jsonl,npy,pgvector}" in error_line(cli("export", tmp_path, "--to", "foo", "-o", "-"), USAGE)
    assert "--input-type: foo not in {auto,off,on}" in error_line(cli("search", "x", "--input-type", "foo"), USAGE)
    for l2 in ["-1", "0", "nan", "inf", "abc"]:
        assert f"--l2: {l2} is no number above 0" in error_line(cli("train-ranker", tmp_path, "--l2", l2), USAGE)
