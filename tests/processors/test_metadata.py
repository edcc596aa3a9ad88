"""Metadata about the place where the shipper runs: the host, and the pod's downward API."""

import json
import platform
import socket

import psutil
import pytest

from shipper.processors.cached import Cached
from tests.processors.chains import chain, through

HOST = "- add_host_metadata: {netinfo.enabled: true, geo: {name: rack-1}}"


def test_the_host_is_described_under_the_names_of_ecs():
    host = through(HOST, {})["host"]
    assert host["name"] == host["hostname"] == socket.gethostname().lower()
    assert host["architecture"] == platform.machine()
    assert host["os"]["type"] == "linux"
    assert host["os"]["kernel"] == platform.release()
    assert host["os"]["platform"] == platform.freedesktop_os_release()["ID"]
    assert host["geo"] == {"name": "rack-1"}


def test_the_addresses_are_those_of_all_interfaces_but_loopback():
    host = through(HOST, {})["host"]
    found = {a.address.partition("%")[0] for one in psutil.net_if_addrs().values() for a in one}
    assert {*host.get("ip", ())} <= found
    assert not {"127.0.0.1", "::1"} & {*host.get("ip", ())}
    assert all(mac.replace("-", ":").lower() in found for mac in host.get("mac", ()))
    assert (
        not {"ip", "mac"}
        & through("- add_host_metadata: {netinfo.enabled: false}", {})["host"].keys()
    )


@pytest.mark.parametrize(
    ("event", "is_replaced"),
    [
        ({"host": {"name": "other"}}, True),
        ({"host": "other"}, True),
        ({"host": {"name": "other", "ip": "x"}}, False),
        ({"host.ip": "x"}, False),
    ],
)
def test_another_host_in_an_event_is_replaced_unless_configured_otherwise(event, is_replaced):
    text = "- add_host_metadata: {replace_fields: false, name: mine, netinfo.enabled: false}"
    assert (through(text, event) != event) == is_replaced
    replaced = through(text.replace("false, name", "true, name"), event)
    assert replaced["host"]["name"] == "mine"


def test_facts_are_read_again_when_they_are_old():
    now, reads = [0.0], iter(range(9))
    held = Cached(lambda: next(reads), 5.0, lambda: now[0])
    seen = []
    for now[0] in (0.0, 4.9, 5.0, 9.9, 10.0):
        seen.append(held())
    assert seen == [0, 0, 1, 1, 2]


@pytest.fixture
def pod(tmp_path, monkeypatch):
    for name in ("POD_NAME", "POD_NAMESPACE", "POD_UID", "POD_IP", "NODE_NAME"):
        monkeypatch.delenv(name, raising=False)
    chain.cache_clear()
    return tmp_path


def kubernetes(podinfo, event, options=""):
    return through(f"- add_kubernetes_metadata: {{podinfo: {podinfo}{options}}}", event)


def test_a_pod_is_described_from_variables_and_files(pod, monkeypatch):
    monkeypatch.setenv("POD_NAME", "orders-1")
    monkeypatch.setenv("NODE_NAME", "node-a")
    (pod / "namespace").write_text("shop")
    (pod / "labels").write_text('app="orders"\napp.kubernetes.io/name="a \\"b\\"\\n\\u00e9"\n')
    (pod / "annotations").write_text('example.com/team="blue"\nhuge="x"')
    told = kubernetes(pod, {}, ", include_annotations: [example.com/team, none]")["kubernetes"]
    assert told == {
        "pod": {"name": "orders-1"},
        "node": {"name": "node-a"},
        "namespace": "shop",
        "labels": {"app": "orders", "app_kubernetes_io/name": 'a "b"\né'},
        "annotations": {"example_com/team": "blue"},
    }


def test_names_of_labels_keep_their_dots_if_so_configured(pod):
    (pod / "labels").write_text('app.kubernetes.io/name="x"')
    told = kubernetes(pod, {}, ", labels.dedot: false")
    assert told == {"kubernetes": {"labels": {"app.kubernetes.io/name": "x"}}}


@pytest.mark.parametrize("event", [{"kubernetes": {}}, {"kubernetes.pod.name": "x"}])
def test_an_event_that_describes_a_pod_keeps_it(pod, monkeypatch, event):
    monkeypatch.setenv("POD_NAME", "mine")
    assert kubernetes(pod, event) == event


def test_outside_a_pod_a_line_is_the_same_object(pod):
    line = json.dumps({"a": 1}).encode()
    assert chain(f"- add_kubernetes_metadata: {{podinfo: {pod}}}").apply(line) is line


ID = "0f" * 32
POD = {"namespace": "shop", "pod": {"name": "web-5d-x1"}, "container": {"name": "mcp"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (
            f"/var/log/containers/web-5d-x1_shop_mcp-{ID}.log",
            {"kubernetes": POD, "container": {"id": ID}},
        ),
        (
            "/var/log/pods/shop_web-5d-x1_1b2c-3d/mcp/0.log.20261130-100000",
            {"kubernetes": POD | {"pod": {"name": "web-5d-x1", "uid": "1b2c-3d"}}},
        ),
        (f"/var/log/containers/../_shop_mcp-{ID}.log", {}),
        ("/var/log/app.log", {}),
        (7, {}),
    ],
)
def test_the_name_of_a_containers_log_states_its_pod(path, found, tmp_path):
    event = {"log": {"file": {"path": path}}}
    text = f"- add_kubernetes_metadata: {{podinfo: {tmp_path}}}"
    assert through(text, event) == {**event, **found}


def docker(tmp_path, config, identity=ID):
    folder = tmp_path / "containers" / identity
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(json.dumps(config))
    return {"log": {"file": {"path": str(folder / f"{identity}-json.log")}}}


def test_a_container_is_what_docker_knows_of_it(tmp_path):
    config = {"ID": ID, "Name": "/web", "State": {}}
    config["Config"] = {"Image": "nginx:1", "Labels": {"a.b/c": "1"}}
    event = docker(tmp_path, config)
    assert through("- add_docker_metadata: ~", event)["container"] == {
        "id": ID,
        "name": "web",
        "image": {"name": "nginx:1"},
        "labels": {"a_b/c": "1"},
    }
    text = f"- add_docker_metadata: {{match_fields: [x], containers: {tmp_path}/containers}}"
    assert through(text, {"x": ID})["container"]["name"] == "web"


@pytest.mark.parametrize("wrong", [[], {"Config": 1}, {"Config": {"Labels": [1]}}, "x"])
def test_a_container_that_docker_does_not_describe_leaves_the_event_unchanged(wrong, tmp_path):
    event = docker(tmp_path, wrong)
    assert through("- add_docker_metadata:", event) == event


def test_no_line_makes_the_shipper_read_a_link_or_a_pipe(tmp_path):
    folder = tmp_path / ID
    folder.mkdir()
    secret = tmp_path / "secret.json"
    secret.write_text('{"Name": "/secret"}')
    (folder / "config.v2.json").symlink_to(secret)
    event = {"log": {"file": {"path": f"{folder}/x.log"}}}
    assert through("- add_docker_metadata: ", event) == event
