"""What deploy/ holds passes the checkers of each format; docs/operations.md is true to the code."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml

from shipper.cli import main
from shipper.config import from_mapping, load
from shipper.config.operation import HttpConfig, Operation
from shipper.run.prometheus import metrics
from shipper.run.service import Service
from tests.reference import known_keys

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
#: The section of the inputs' page that has keys of its own: which files, and for how long.
FILES = (ROOT / "docs" / "inputs.md").read_text(encoding="utf-8").split("\n## ")[1]
UNIT = DEPLOY / "systemd" / "mcp-shipper.service"
MANIFESTS = sorted(
    path for path in (DEPLOY / "kubernetes").rglob("*.yaml") if path.name != "kustomization.yaml"
)
#: Variables that the configurations of deploy/ ask for.
ENVIRONMENT = {"ES_URL": "https://es.example:9200", "ES_API_KEY": "id:key"}


def checked(*command):
    """Run a checker that the test environment has; its words when it is not content."""
    program = Path(sys.executable).parent / command[0]
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def yaml_of(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def parts(name):
    """Kustomize folders: all resources of one, those of its bases included."""
    folder = DEPLOY / "kubernetes" / name
    for resource in yaml_of(folder / "kustomization.yaml")["resources"]:
        if (folder / resource).is_dir():
            yield from parts((folder / resource).resolve().name)
        else:
            yield from yaml.safe_load_all((folder / resource).read_text(encoding="utf-8"))


def pod(name):
    (found,) = (one for one in parts(name) if one["kind"] in {"Deployment", "DaemonSet"})
    return found["spec"]["template"]["spec"]


def configuration(name):
    """The file that a folder's pods are configured with: its own, or the base's."""
    own = DEPLOY / "kubernetes" / name / "mcp-shipper.yml"
    return own if own.is_file() else DEPLOY / "kubernetes" / "base" / "mcp-shipper.yml"


def containers(name):
    return [*pod(name).get("initContainers", ()), *pod(name)["containers"]]


# --- the checkers of each format


def test_systemd_accepts_the_unit(systemd_analyze, tmp_path):
    text = UNIT.read_text(encoding="utf-8").replace("/opt/mcp-shipper/bin/mcp-shipper", "/bin/true")
    assert verified(systemd_analyze, tmp_path / UNIT.name, text) == ""


def test_the_checker_of_units_hears_an_unknown_setting(systemd_analyze, tmp_path):
    text = "[Service]\nExecStart=/bin/true\nProtectEverything=yes\n"
    assert "ProtectEverything" in verified(systemd_analyze, tmp_path / "bad.service", text)


def verified(program, unit, text):
    """What systemd-analyze says; of some mistakes it tells without an exit code."""
    unit.write_text(text, encoding="utf-8")
    command = [program, "verify", "--man=no", "--recursive-errors=no", str(unit)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_kubernetes_accepts_the_manifests():
    assert checked("kubernetes-validate", "--strict", "--quiet", *MANIFESTS) == ""


def test_the_container_file_is_lint_free():
    assert checked("hadolint", DEPLOY / "container" / "Containerfile") == ""


def test_compose_accepts_the_file():
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert checked("check-jsonschema", *schema, DEPLOY / "compose" / "compose.yml") == ""


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("mcp-shipper.yml")), ids=str)
def test_a_shipped_configuration_can_be_used(path):
    config = load(path, ENVIRONMENT)
    assert config.outputs
    assert Service(config).pipelines.keys() == config.outputs.keys()
    assert config.operation.http.enabled, "probes and the health check ask it"


def test_the_setup_of_the_compose_file_has_what_setup_needs():
    assert "elasticsearch" in load(DEPLOY / "compose" / "setup.yml", {}).outputs


def test_the_input_of_the_filebeat_file_is_one_we_would_read_too():
    (one,) = yaml_of(DEPLOY / "filebeat" / "filebeat.yml")["filebeat.inputs"]
    ours = {key: one[key] for key in ("type", "id", "paths", "parsers")}
    config = from_mapping({"filebeat": {"inputs": [ours]}, "output": {"console": {}}})
    assert config.inputs[0].paths == ("/var/log/mcp/*.jsonl",)


# --- what no checker knows


def test_the_unit_waits_longer_than_the_shipper_does():
    seconds = int(re.search(r"TimeoutStopSec=(\d+)", UNIT.read_text(encoding="utf-8"))[1])
    assert seconds > Operation().shutdown_timeout_s


@pytest.mark.parametrize("name", ["sidecar", "daemonset"])
def test_a_pod_waits_longer_than_the_shipper_does(name):
    shipper = load(configuration(name), ENVIRONMENT)
    assert pod(name)["terminationGracePeriodSeconds"] > shipper.operation.shutdown_timeout_s


@pytest.mark.parametrize("name", ["sidecar", "daemonset"])
def test_what_a_pod_refers_to_is_there(name):
    volumes = {volume["name"]: volume for volume in pod(name)["volumes"]}
    for one in containers(name):
        assert {mount["name"] for mount in one["volumeMounts"]} <= volumes.keys()
    base = DEPLOY / "kubernetes" / "base"
    (made,) = yaml_of(base / "kustomization.yaml")["configMapGenerator"]
    assert volumes["config"]["configMap"]["name"] == made["name"]
    assert all((base / file).is_file() for file in made["files"])
    secrets = {one["metadata"]["name"] for one in parts(name) if one["kind"] == "Secret"}
    (shipper,) = (one for one in containers(name) if one["name"] == "mcp-shipper")
    assert {ref["secretRef"]["name"] for ref in shipper["envFrom"]} == secrets
    accounts = {one["metadata"]["name"] for one in parts(name) if one["kind"] == "ServiceAccount"}
    assert pod(name).get("serviceAccountName") in accounts or not accounts


@pytest.mark.parametrize("name", ["sidecar", "daemonset"])
def test_a_pod_asks_for_what_the_endpoint_answers(name):
    config = load(configuration(name), ENVIRONMENT)
    (shipper,) = (one for one in containers(name) if one["name"] == "mcp-shipper")
    assert [port["containerPort"] for port in shipper["ports"]] == [config.operation.http.port]
    probes = {key: shipper[key]["httpGet"]["path"] for key in shipper if key.endswith("Probe")}
    assert probes == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }


def test_every_path_that_the_daemonset_ships_is_mounted_from_the_node():
    (shipper,) = containers("daemonset")
    mounts = {mount["name"]: mount["mountPath"] for mount in shipper["volumeMounts"]}
    on_node = {
        one["name"]: one.get("hostPath", {}).get("path") for one in pod("daemonset")["volumes"]
    }
    assert all(on_node[name] in {path, None} for name, path in mounts.items())
    for one in load(configuration("daemonset"), ENVIRONMENT).inputs:
        assert {str(Path(path).parent) for path in one.paths} <= set(mounts.values())


def test_the_sidecar_keeps_to_the_restricted_standard_and_reads_the_applications_files():
    spec = pod("sidecar")
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for one in containers("sidecar"):
        own = one["securityContext"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert "runAsUser" not in own, "segments have mode 0600: one user for both"


def test_nothing_but_positions_can_be_written_by_a_pod():
    for one in (*containers("sidecar")[:1], *containers("daemonset")):
        writable = {m["name"] for m in one["volumeMounts"] if not m.get("readOnly")}
        assert writable == {"positions"}


def test_the_image_is_given_all_that_the_wheel_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], "pyproject.toml", "README.md", "LICENSE"}
    given = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{path}" for path in needed} <= set(given)
    assert "*" in given, "everything else stays outside"


def test_the_image_copies_only_what_is_given_to_it():
    given = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    for source in re.findall(r"^COPY (deploy/\S+)", text, re.MULTILINE):
        assert (ROOT / source).is_file()
        assert any(source.startswith(line[1:]) for line in given if line.startswith("!"))


def test_the_health_check_of_the_image_asks_where_the_endpoint_is():
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    http = load(DEPLOY / "container" / "mcp-shipper.yml", {}).operation.http
    assert f"http://{http.host}:{http.port}/livez" in text


def test_the_compose_file_mounts_what_is_there_and_names_no_version_itself():
    folder = DEPLOY / "compose"
    services = yaml_of(folder / "compose.yml")["services"]
    mounts = [mount.split(":")[0] for one in services.values() for mount in one.get("volumes", ())]
    paths = [mount for mount in mounts if mount.startswith(".")]
    assert len(paths) == 4
    assert all((folder / path).exists() for path in paths)
    known = dict(line.split("=") for line in (folder / ".env").read_text().split())
    asked = set(re.findall(r"\$\{(\w+)", (folder / "compose.yml").read_text(encoding="utf-8")))
    assert asked == known.keys()
    elastic = [one["image"] for one in services.values() if "elastic.co" in one["image"]]
    assert all(image.endswith(":${STACK_VERSION:?}") for image in elastic)
    assert all("mem_limit" in one for one in services.values())


# --- docs/operations.md


def rows(text):
    """The key and the default of every documented key."""
    return dict(re.findall(r"^\| `([a-z_.*]+)` \| (.*?) \| .*\|$", text, re.MULTILINE))


def defaults(kind, prefix):
    """Every key of a section, with its default as a person writes it."""
    for row in msgspec.structs.fields(kind):
        if isinstance(row.default, msgspec.Struct):
            yield from defaults(row.default, f"{prefix}{row.name}.")
        else:
            unit = "s" if row.name.endswith("_s") else ""
            text = row.default if isinstance(row.default, str) else json.dumps(row.default)
            yield f"{prefix}{row.name.removesuffix('_s')}", f"`{text.removesuffix('.0')}{unit}`"


def test_every_key_is_documented_and_every_documented_key_is_known():
    known = {key for key in known_keys() if not key.startswith(("output.", "filebeat.inputs."))}
    files = {f"inputs.{key}" for key in rows(FILES)}
    assert rows(OPERATIONS).keys() | files == known | {"inputs", "filebeat.inputs"}


def test_the_documented_defaults_of_a_run_are_those_of_the_code():
    true = dict(defaults(Operation, ""))
    documented = rows(OPERATIONS)
    assert {key: documented[key] for key in true} == true


def test_every_metric_is_documented_and_every_documented_metric_is_there(tmp_path):
    service = Service(from_mapping({"path": {"home": str(tmp_path)}, "output": {"console": {}}}))
    there = set(re.findall(r"^# TYPE (mcp_shipper_\w+) ", metrics(service).decode(), re.MULTILINE))
    table = OPERATIONS.partition("| Metric |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(mcp_shipper_\w+)`", table)) == there


def test_the_documented_exit_codes_are_those_of_the_command(tmp_path, capsys):
    codes = re.findall(r"^\| (\d+) \| ", OPERATIONS, re.MULTILINE)
    assert codes == ["0", "1", "2", "65", "69", "74", "77", "78"]
    good = tmp_path / "good.yml"
    good.write_text(f"path.home: {tmp_path}\noutput.console: {{}}\n")
    away = tmp_path / "away.yml"
    away.write_text(f"path.home: {tmp_path}\noutput.logstash.hosts: ['127.0.0.1:1']\n")
    (tmp_path / "data" / "registry").mkdir(parents=True)
    (tmp_path / "data" / "registry" / "console.ndjson").write_text("damaged\n")
    assert main(["test", "config", "-c", str(good)]) == 0
    assert main(["keystore", "remove", "nothing", "-c", str(good)]) == 1
    with pytest.raises(SystemExit, match="2"):
        main(["runn"])
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert main(["validate", str(bad)]) == 65
    assert main(["test", "output", "-c", str(away)]) == 69
    assert main(["run", "--once", "-c", str(good)]) == 74
    assert main(["run", "-c", str(tmp_path / "none.yml")]) == 78
    assert "damaged" in capsys.readouterr().err


def test_the_documented_port_is_the_default():
    assert f"| `http.port` | `{HttpConfig().port}` |" in OPERATIONS
