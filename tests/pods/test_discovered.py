"""`filebeat.autodiscover` with templates and hints, to a Logstash; pods are from an API server."""

import json
import logging
import threading

import pytest

from shipper.config import load
from shipper.forms.base import Block
from shipper.forms.dropped import DROPPED
from shipper.run.service import Service
from tests.fakes import FakeLogstash
from tests.pods.server import ApiServer, pod
from tests.real.processes import free_ports, wait_until

ID = "ab" * 32


@pytest.fixture
def api(tmp_path, monkeypatch):
    monkeypatch.setenv("NODE_NAME", "n1")
    folder = tmp_path / "api"
    folder.mkdir()
    with ApiServer(folder) as server:
        monkeypatch.setenv("KUBECONFIG", server.kubeconfig)
        yield server


def log(tmp_path, name, *texts, container="app"):
    """The log of a container of a pod in the namespace `shop`."""
    folder = tmp_path / "containers"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}_shop_{container}-{ID}.log"
    lines = [f"2026-11-30T10:00:0{n}.5Z stdout F {text}\n" for n, text in enumerate(texts)]
    path.write_text("".join(lines))
    return str(path)


def config(tmp_path, provider, address="127.0.0.1:9"):
    provider = {"type": "kubernetes", **provider}
    text = json.dumps({"filebeat.autodiscover.providers": [provider]})[1:-1]
    path = tmp_path / "c.yml"
    path.write_text(
        f'{{{text}, output.logstash.hosts: ["{address}"], path.home: {tmp_path}/home, '
        "self_audit.enabled: false}"
    )
    return load(path, {})


def shipped(tmp_path, provider):
    """The events, in the order of their texts."""
    with FakeLogstash() as server:
        Service(config(tmp_path, provider, server.address)).drain()
        return sorted(server.events, key=lambda event: json.dumps(event.get("message", event)))


def hints(tmp_path, **default):
    place = f"{tmp_path}/containers/*-${{data.kubernetes.container.id}}.log"
    return {
        "hints": {
            "enabled": True,
            "default_config": {"type": "container", "paths": [place], **default},
        }
    }


def test_hints_say_how_a_log_is_read_and_what_becomes_of_its_lines(tmp_path, api):
    notes = {
        "co.elastic.logs/multiline.pattern": "^[0-9]",
        "co.elastic.logs/multiline.negate": "true",
        "co.elastic.logs/multiline.match": "after",
        "co.elastic.logs/exclude_lines": "^9, ^8",
        "co.elastic.logs/processors.1.dissect.tokenizer": "%{number|integer} %{rest}",
        "co.elastic.logs/processors.2.drop_fields.fields": '["dissect.rest"]',
        "co.elastic.logs/processors.add_fields.fields.team": "blue",
    }
    api.put(pod("web-5d-1", notes=notes, labels={"app.kubernetes.io/name": "web"}))
    log(tmp_path, "web-5d-1", "1 one", " two", "9 no", "3 three")
    first, second = shipped(tmp_path, hints(tmp_path))
    assert (first["message"], first["dissect"]) == ("1 one\n two", {"number": 1})
    assert second["message"] == "3 three"
    assert first["fields"] == {"team": "blue"}
    assert first["kubernetes"] == {
        "namespace": "shop",
        "pod": {"name": "web-5d-1", "uid": "uid-of-web-5d-1", "ip": "10.1.2.3"},
        "node": {"name": "n1"},
        "replicaset": {"name": "web-5d"},
        "deployment": {"name": "web"},
        "labels": {"pod-template-hash": "5d", "app_kubernetes_io/name": "web"},
        "container": {"name": "app"},
    }
    assert first["container"] == {"id": ID, "runtime": "containerd", "image": {"name": "shop:1"}}


def test_hints_of_one_container_go_before_those_of_its_pod(tmp_path, api):
    notes = {
        "co.elastic.logs/enabled": "false",
        "co.elastic.logs.app/enabled": "true",
        "co.elastic.logs.app/json.target": "",
        "co.elastic.logs.app/json.add_error_key": "true",
    }
    api.put(pod("p", notes=notes))
    log(tmp_path, "p", '{"n":1}', "text")
    log(tmp_path, "p", "no", container="sidecar")
    first, second = shipped(tmp_path, hints(tmp_path))
    assert first["message"] == "text"
    assert first["error"]["type"] == "json"
    assert second["n"] == 1


def test_only_pods_that_ask_for_it_are_shipped_where_hints_are_off_by_default(tmp_path, api):
    api.put(pod("yes", notes={"co.elastic.logs/enabled": "true"}))
    api.put(pod("no"))
    log(tmp_path, "yes", "wanted")
    log(tmp_path, "no", "not wanted")
    (event,) = shipped(tmp_path, hints(tmp_path, enabled=False))
    assert event["message"] == "wanted"


@pytest.mark.parametrize(
    ("note", "reported"),
    [
        ({"multiline.match": "sideways", "multiline.pattern": "x"}, "'sideways'"),
        ({"processors.1.no_such": "x"}, "no_such"),
        ({"raw": "{"}, "raw"),
        ({"raw": "[" * 5000 + "]" * 5000}, "raw"),
        ({"multiline.match": "[" * 900 + "]" * 900, "multiline.pattern": "x"}, "is not one of"),
        ({"raw": '{"a":' * 900 + "1" + "}" * 900}, "raw"),
        ({"module": "nginx"}, "module"),
    ],
)
def test_a_hint_that_cannot_be_obeyed_is_logged_and_loses_no_line(
    tmp_path, api, caplog, note, reported
):
    api.put(pod("p", notes={f"co.elastic.logs/{key}": value for key, value in note.items()}))
    log(tmp_path, "p", "text")
    (event,) = shipped(tmp_path, hints(tmp_path))
    assert event["message"] == "text"
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert any(reported in one for one in warnings)


def test_a_raw_hint_is_an_input_of_its_own(tmp_path, api):
    raw = [{"type": "container", "paths": ["${data.kubernetes.container.id}"], "tags": ["raw"]}]
    raw[0]["fields"] = {"pod": "${data.kubernetes.pod.name}"}
    api.put(pod("p", notes={"co.elastic.logs/raw": json.dumps(raw)}))
    log(tmp_path, "p", "text")
    (event,) = shipped(tmp_path, hints(tmp_path))
    assert (event["tags"], event["fields"]) == (["raw"], {"pod": "p"})


def test_templates_are_chosen_by_labels_and_their_places_filled_in(tmp_path, api):
    def template(condition, **config):
        paths = [f"{tmp_path}/containers/*${{data.kubernetes.container.id}}.log"]
        return {"condition": condition, "config": [{"type": "container", "paths": paths, **config}]}

    templates = [
        template(
            {"equals": {"kubernetes.labels.app": "shop"}},
            fields={
                "app": "${data.kubernetes.labels.app}",
                "image": "${data.kubernetes.container.image}",
                "note": "${data.kubernetes.annotations.example_com/owner}",
                "none": "${data.kubernetes.labels.none}",
                "other": "${data.kubernetes.labels.none:unknown}",
            },
            json={"keys_under_root": True},
        ),
        template(
            {"contains": {"kubernetes.annotations.kind": "java"}}, multiline={"pattern": "^ "}
        ),
    ]
    api.put(pod("a", labels={"app": "shop"}, notes={"example.com/owner": "anna"}))
    api.put(pod("b", notes={"kind": "java17"}))
    api.put(pod("c"))
    for name in "abc":
        log(tmp_path, name, '{"n":1}' if name == "a" else "one", " two")
    events = shipped(tmp_path, {"templates": templates})
    (first,) = [one for one in events if "n" in one]
    fields = {"app": "shop", "image": "shop:1", "note": "anna", "other": "unknown"}
    assert first["fields"] == fields
    assert [one["message"] for one in events if one["kubernetes"]["pod"]["name"] == "b"] == [
        "one\n two"
    ]
    assert {one["kubernetes"]["pod"]["name"] for one in events} == {"a", "b"}


def test_a_line_waits_for_a_pod_that_is_not_known_yet(tmp_path, api):
    log(tmp_path, "late", "first")
    with FakeLogstash() as server:
        service = Service(config(tmp_path, hints(tmp_path), server.address))
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            wait_until(lambda: api.watches, 10, "pods are watched")
            api.put(pod("late", labels={"app": "x"}))
            wait_until(lambda: server.events, 10, "the line is there")
        finally:
            service.stop()
            thread.join()
        (event,) = server.events
    assert event["kubernetes"]["labels"]["app"] == "x"


def block(path, *texts):
    data = "".join(f"2026-11-30T10:00:00Z stdout F {text}\n" for text in texts)
    return Block(data.encode(), 0, path, 1 << 20)


def test_while_the_server_is_away_no_line_is_left_out_for_a_label(tmp_path, api, monkeypatch):
    path = log(tmp_path, "p", "text")
    (port,) = free_ports(1)
    monkeypatch.setenv("KUBECONFIG", "")
    folder = tmp_path / "away"
    folder.mkdir()
    (folder / "kubeconfig").write_text(
        (api.folder / "kubeconfig").read_text().replace(str(api.port), str(port))
    )
    (folder / "ca.crt").write_bytes((api.folder / "ca.crt").read_bytes())
    by_label = {
        "condition": {"equals": {"kubernetes.labels.app": "shop"}},
        "config": [{"type": "container", "paths": [path]}],
    }
    provider = {
        "templates": [by_label],
        "kube_config": str(folder / "kubeconfig"),
        "wait_for_metadata_timeout": "0s",
    }
    (found,) = config(tmp_path, provider).inputs
    assert found.form_of(path) is None
    (folder / "kubeconfig").write_text((api.folder / "kubeconfig").read_text())
    wait_until(lambda: found.form_of(path) is not None, 20, "the server is back")
    assert found.form_of(path) is DROPPED


def test_without_a_server_lines_go_with_what_the_name_of_their_log_says(tmp_path, api, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "")
    path = log(tmp_path, "p", "text")
    (found,) = config(tmp_path, hints(tmp_path)).inputs
    (line,) = found.form_of(path).sift(block(path, "text")).lines
    assert json.loads(line)["kubernetes"]["pod"] == {"name": "p"}


def test_an_input_without_discovery_waits_as_long_as_configured_and_then_goes_without(
    tmp_path, api
):
    path = log(tmp_path, "never", "text")
    with FakeLogstash() as server:
        file = tmp_path / "c.yml"
        file.write_text(
            f"""
filebeat.inputs: [{{type: container, paths: [{path}]}}]
processors: [{{add_kubernetes_metadata: {{wait_for_metadata_timeout: 1s}}}}]
output.logstash.hosts: ["{server.address}"]
path.home: {tmp_path}/home
self_audit.enabled: false
"""
        )
        Service(load(file, {})).drain()
        (event,) = server.events
    assert event["kubernetes"]["pod"] == {"name": "never"}
    assert api.lists


def test_docker_hints_are_in_labels(tmp_path):
    folder = tmp_path / "docker" / ID
    folder.mkdir(parents=True)
    labels = {
        "co.elastic.logs/json.target": "app",
        "co.elastic.logs/include_lines": "keep",
        "com.docker.compose.service": "web",
    }
    described = {"ID": ID, "Name": "/web", "Config": {"Image": "shop:1", "Labels": labels}}
    (folder / "config.v2.json").write_text(json.dumps(described))
    rows = [
        {"log": f"{text}\n", "stream": "stdout", "time": "2026-11-30T10:00:00Z"}
        for text in ('{"keep":1}', '{"drop":1}')
    ]
    path = folder / f"{ID}-json.log"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = [f"{tmp_path}/docker/${{data.container.id}}/*.log"]
    default = {
        "paths": paths,
        "fields": {"service": "${data.docker.container.labels.com_docker_compose_service}"},
    }
    provider = {"type": "docker", "hints": {"enabled": True, "default_config": default}}
    (event,) = shipped(tmp_path, provider)
    assert event["app"] == {"keep": 1}
    assert event["fields"] == {"service": "web"}
    assert event["container"]["image"] == {"name": "shop:1"}


def test_the_longest_line_is_that_of_the_templates(tmp_path, api):
    provider = hints(tmp_path, message_max_bytes=1 << 20)
    (found,) = config(tmp_path, provider).inputs
    assert found.max_line_bytes == 1 << 20
