"""deploy/ and docs/server.md held to the program: metrics and options that they name exist, files parse, the unit is one."""
import json
import re
import shutil
import subprocess

import pytest
import yaml
from conftest import ROOT

DEPLOY = ROOT / "deploy"
SERVER = (ROOT / "docs/server.md").read_text()
DASHBOARD = DEPLOY / "grafana/dashboards/lode.json"
METRIC = re.compile(r"\b(?:lode|process)_[a-z_]+[a-z]\b")


def metrics_of_the_program():
    source = (ROOT / "src/server/metrics.cc").read_text()
    families = re.findall(r'(counters|gauges|histograms)\("((?:lode|process)_\w+)"', source.replace("\n", " ").replace("  ", ""))
    families += [("histograms", f"lode_request_{name}_seconds") for name in re.findall(r'\bpart\("(\w+)"', source)]
    names = {name for _, name in families}
    samples = {name for kind, name in families if kind != "histograms"}
    samples |= {name + end for kind, name in families if kind == "histograms" for end in ("_bucket", "_sum", "_count")}
    assert len(names) > 30
    return names, samples


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions():
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())["groups"]
    return ([target["expr"] for panel in panels() for target in panel["targets"]]
            + [rule["expr"] for group in rules for rule in group["rules"]])


def test_every_metric_of_the_dashboard_and_the_alerts_is_there():
    _, samples = metrics_of_the_program()
    used = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(used) > 20
    assert used <= samples, used - samples


def test_the_document_names_every_family_of_ours_and_no_other():
    names, _ = metrics_of_the_program()
    named = {name for name in re.findall(r"`((?:lode|process)_[a-z_]+)`", SERVER)}
    assert named <= names, named - names
    assert {name for name in names if name.startswith("lode_")} <= named


def test_every_option_of_the_document_is_an_option(run):
    options = set(re.findall(r"--[a-z][a-z-]+", run("serve", "--help").stdout + run("pull", "--help").stdout))
    foreign = {"--profile", "--cpus", "--entrypoint", "--stop-timeout", "--rm", "--now"}  # docker's, systemctl's
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", SERVER))
    assert "--target-batch-ms" in named
    assert named - foreign - {"--x-y"} <= options, named - foreign - options
    variables = {f"LODE_{name[2:].upper().replace('-', '_')}" for name in options}
    text = (DEPLOY / "lode.env").read_text() + (DEPLOY / "lode.service").read_text()
    known = variables | {"LODE_HOME"}
    assert set(re.findall(r"\bLODE_\w+(?==)", text)) <= known


def test_every_variable_that_is_read_in_place_of_ours_is_in_the_document():
    read = set(re.findall(r'"(NIM_\w+)"', (ROOT / "src/apps/nim_variables.cc").read_text()))
    assert len(read) > 20
    assert read <= set(re.findall(r"\bNIM_\w+", SERVER))


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_every_yaml_file_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_yaml_in_the_document_is_yaml():
    blocks = re.findall(r"^```yaml\n(.*?)^```", SERVER, re.M | re.S)
    assert blocks
    for block in blocks:
        probe = yaml.safe_load(block)["spec"]["containers"][0]["readinessProbe"]
        assert probe["httpGet"]["path"] == "/v1/health/ready"


def test_what_the_compose_file_mounts_is_there():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), volume
    assert (DEPLOY / services["lode"]["build"]["context"] / services["lode"]["build"]["dockerfile"]).is_file()


def test_panels_of_the_dashboard_have_their_own_place_and_the_chosen_source():
    taken = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_the_unit_and_the_compose_file_wait_longer_than_the_server_drains(run):
    drain = float(re.search(r"--drain-timeout N=(\d+)", run("serve", "--help").stdout)[1])
    assert float(re.search(r"^TimeoutStopSec=(\d+)$", (DEPLOY / "lode.service").read_text(), re.M)[1]) > drain
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert float(compose["services"]["lode"]["stop_grace_period"].rstrip("s")) > drain


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_one_that_systemd_takes(tmp_path, lode):
    unit = tmp_path / "lode.service"
    unit.write_text((DEPLOY / "lode.service").read_text().replace("/usr/local/bin/lode", lode))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "lode.service" not in done.stderr, done.stderr
