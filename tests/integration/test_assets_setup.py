"""`setup` as a person runs it, on a real Elasticsearch and a Kibana that is a fake."""

import io
import json
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest
from elasticsearch import Elasticsearch as Client

from shipper.assets.install.elasticsearch import remove_from_cluster
from shipper.cli import main
from shipper.evidence.keys import create_key
from tests.assets.kibana import fake_kibana
from tests.assets.overlay import OVERLAY
from tests.integration.line import SHIPPER, call, clear, search, ship_once
from tests.real.processes import free_ports

ALL = {
    *("index template", "component template", "lifecycle policy", "ingest pipeline"),
    *("data stream", "tag", "data view", "saved search", "dashboard"),
    *("stack rule", "detection rule"),
}


@pytest.fixture
def node(elasticsearch):
    """The address of a node without anything of ours, before and after."""
    with Client(elasticsearch.url) as client:
        tidy(client, elasticsearch.url)
        yield elasticsearch.url
        tidy(client, elasticsearch.url)


def tidy(client, url):
    clear(url)
    list(remove_from_cluster(client))


def configured(home, node, kibana_url, **more):
    path = home / "mcp-shipper.yml"
    settings = {"path.home": str(home), "elasticsearch_url": node, **more}
    path.write_text(json.dumps(settings | ({"kibana_url": kibana_url} if kibana_url else {})))
    return path


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def shipper(config, *arguments):
    """A command, in this process: `setup` alone loads for most of a second."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["-c", *map(str, (config, *arguments))])
    return Done(code, out.getvalue(), err.getvalue())


def state(node, kibana):
    """All that setup may touch."""
    paths = ("_component_template", "_index_template", "_ilm/policy", "_all/_settings")
    found = {path: call(f"{node}/{path}") for path in paths}
    with Client(node) as client:  # without any pipeline the answer is 404
        found["pipelines"] = client.options(ignore_status=404).ingest.get_pipeline().body
    held = (kibana.objects, kibana.rules, kibana.detections)
    return json.loads(json.dumps([found, [[*map(str, one)] for one in held]]))


def kinds(done):
    return {line[12:32].strip() for line in done.stdout.splitlines()[:-1]}


def test_a_dry_run_prints_what_a_run_prints_and_a_second_run_changes_nothing(node, tmp_path):
    with fake_kibana() as (kibana, url):
        config = configured(tmp_path, node, url)
        before = state(node, kibana)
        dry = shipper(config, "setup", "--dry-run")
        assert state(node, kibana) == before
        assert dry.stderr == "dry run: nothing was changed\n"
        first = shipper(config, "setup")
        assert (first.stdout, first.returncode) == (dry.stdout, 0)
        assert kinds(first) == ALL
        assert first.stdout.splitlines()[-1] == "75 created"
        installed, changes = state(node, kibana), len(kibana.changes)
        again = shipper(config, "setup")
        assert again.stdout.splitlines()[-1] == "75 unchanged"
        assert state(node, kibana) == installed
        assert len(kibana.changes) == changes
        assert recorded_changes(tmp_path) == [{"created": 75}]


def recorded_changes(home):
    paths = (home / "data" / "audit").glob("*.jsonl")
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    found = [one["mcp"]["compliance"] for one in lines]
    return [one["details"] for one in found if one["operation"] == "setup"]


def test_retention_is_shortened_only_when_another_person_has_signed(node, tmp_path):
    (tmp_path / "data" / "evidence").mkdir(parents=True)
    ann = create_key(tmp_path / "ann", "ann")
    policy = f"quorum none\n#! approver {ann}\n#! approvals 1\n"
    (tmp_path / "data" / "evidence" / "policy").write_text(policy)
    parts = ("setup", "--index-management")
    assert shipper(configured(tmp_path, node, None, retention_days=400), *parts).returncode == 0
    with Client(node) as client:
        event = {"@timestamp": "2026-11-30T12:00:00Z"}
        client.index(index="logs-mcp.tools-default", op_type="create", document=event)
    shorter = configured(tmp_path, node, None, retention_days=100)
    refused = shipper(shorter, *parts)
    assert (refused.returncode, "needs the signatures of 1" in refused.stderr) == (1, True)
    (request,) = (tmp_path / "data" / "evidence" / "requests").iterdir()
    approve = ("approve", str(request), "--key", str(tmp_path / "ann"))
    assert '"mcp_tool_execution":{"after":100,"before":400}' in shipper(shorter, *approve).stdout
    assert shipper(shorter, *parts).returncode == 0
    assert shipper(shorter, *parts).stdout.endswith(" unchanged\n")
    with Client(node) as client:
        client.indices.delete_data_stream(name="logs-mcp.tools-default")


def test_a_removal_leaves_nothing_behind_and_its_dry_run_prints_the_same(node, tmp_path):
    with fake_kibana() as (kibana, url):
        config = configured(tmp_path, node, url)
        before = state(node, kibana)
        assert shipper(config, "setup").returncode == 0
        dry = shipper(config, "setup", "--remove", "--dry-run")
        done = shipper(config, "setup", "--remove")
        assert done.stdout == dry.stdout
        assert done.stdout.splitlines()[-1] == "75 removed"
        assert state(node, kibana) == before
        assert shipper(config, "setup", "--remove").stdout == "nothing to do\n"


def test_a_second_space_has_objects_and_rules_of_its_own(node, tmp_path):
    with fake_kibana() as (kibana, url):
        config = configured(tmp_path, node, url)
        before = state(node, kibana)
        switches = ("--kibana", "--rules", "--space", "soc")
        shipper(config, "setup")
        first = shipper(config, "setup", *switches)
        assert (first.stdout.splitlines()[-1], first.returncode) == ("50 created", 0)
        assert shipper(config, "setup", *switches).stdout.splitlines()[-1] == "50 unchanged"
        removed = shipper(config, "setup", "--remove", *switches)
        assert removed.stdout.splitlines()[-1] == "49 removed"
        assert shipper(config, "setup").stdout.splitlines()[-1] == "75 unchanged"
        shipper(config, "setup", "--remove")
        assert state(node, kibana) == before


@pytest.mark.parametrize(
    ("switches", "wanted"),
    [
        (
            ["--index-management"],
            {"index template", "component template", "ingest pipeline", "lifecycle policy"},
        ),
        (["--pipelines"], {"ingest pipeline"}),
        (["--kibana"], {"tag", "data view", "saved search", "dashboard"}),
        (["--rules"], {"stack rule", "detection rule"}),
        (["--rules", "--pipelines"], {"stack rule", "detection rule", "ingest pipeline"}),
    ],
)
def test_a_switch_installs_and_removes_its_part_alone(node, tmp_path, switches, wanted):
    with fake_kibana() as (kibana, url):
        config = configured(tmp_path, node, url)
        before = state(node, kibana)
        assert kinds(shipper(config, "setup", *switches)) == wanted
        assert kinds(shipper(config, "setup", "--remove", *switches)) == wanted
        assert state(node, kibana) == before


def test_what_differs_from_what_is_installed_is_said(node, tmp_path):
    with fake_kibana() as (_, url):
        config = configured(tmp_path, node, url)
        shipper(config, "setup")
        configured(tmp_path, node, url, compliance_frameworks=["sox"])
        done = shipper(config, "setup")
        changed = [line for line in done.stdout.splitlines()[:-1] if "unchanged" not in line]
        [tools] = [line for line in changed if "lifecycle policy    logs-mcp.tools " in line]
        assert tools.startswith("updated     ")
        assert "policy.phases.delete.min_age: 90d -> 2557d" in tools
        assert shipper(config, "setup").stdout.splitlines()[-1] == "75 unchanged"


@pytest.mark.parametrize(
    ("version", "said"), [(None, "cannot be reached"), ("8.9.2", "is too old: these dashboards")]
)
def test_nothing_is_begun_where_kibana_is_down_or_too_old(node, tmp_path, version, said):
    [port] = free_ports(1)
    with fake_kibana(version=version or "8.11.4") as (kibana, url):
        before = state(node, kibana)
        config = configured(tmp_path, node, url if version else f"http://127.0.0.1:{port}")
        done = shipper(config, "setup")
        assert (done.stdout, done.returncode) == ("", os.EX_UNAVAILABLE)
        assert said in done.stderr
        assert state(node, kibana) == before


def test_an_object_that_kibana_refuses_is_told_and_the_others_are_there(node, tmp_path):
    refused = ["mcp-compliance", "MCP: policy violation spike"]
    with fake_kibana(refuses=refused) as (kibana, url):
        done = shipper(configured(tmp_path, node, url), "setup")
        failed = [line for line in done.stdout.splitlines() if line.startswith("failed")]
        assert len(failed) == 3
        assert "belongs to a more recent version of Kibana" in failed[0]
        assert done.stdout.splitlines()[-1] == "72 created, 3 failed"
        assert done.returncode == 1
        assert len(kibana.objects) == 14


def test_without_the_address_of_kibana_the_rest_is_installed_and_a_switch_is_refused(
    node, tmp_path
):
    config = configured(tmp_path, node, None)
    done = shipper(config, "setup")
    assert "no kibana_url in the configuration" in done.stderr
    assert (done.stdout.splitlines()[-1], done.returncode) == ("25 created", 0)
    assert shipper(config, "setup", "--rules").returncode == os.EX_CONFIG


def test_one_command_makes_all_assets_of_a_users_type_and_framework(node, tmp_path):
    """Written as files that validate; installed; an event of the type shipped, routed, found."""
    with fake_kibana() as (kibana, url):
        config = configured(tmp_path, node, url, catalog=OVERLAY, compliance_frameworks=["acme"])
        folder = tmp_path / "assets"
        assert shipper(config, "export", "assets", folder).returncode == 0
        checked = shipper(config, "validate", folder)
        assert (checked.stdout, checked.returncode) == (f"{folder}: no problem found\n", 0)
        for path, holds in {
            "ilm/policies/logs-acme.orders.json": '"min_age": "4000d"',
            "ilm/index_templates/logs-acme.orders.json": "logs-acme.orders-*",
            "ilm/component_templates/mcp@mappings.json": '"acme"',
            "ilm/ingest_pipelines/mcp-normalise.json": "acme.orders",
            "ilm/security/roles/mcp_auditor.json": "logs-acme.orders-*",
            "logstash/scripts/mcp_normalise.rb": "acme.orders",
            "kibana/saved_objects/mcp-shipper.ndjson": "Evidence for ACME",
            "docs/events.md": "acme.order.id",
        }.items():
            assert holds in (folder / path).read_text(encoding="utf-8"), path
        assert shipper(config, "setup").returncode == 0
        view = kibana.objects["index-pattern", "mcp-logs"]["attributes"]
        assert view["title"] == "logs-mcp.*-*,logs-acme.orders-*"
        event = {"event_type": "acme_order", "event_data": {"acme.order.id": "A-1"}}
        request = {"operation": "log_audit_event", **event}
        command = [*SHIPPER, "process", "-c", config]
        given = json.dumps(request).encode()
        logged = subprocess.run(command, input=given, capture_output=True, check=True)
        assert json.loads(logged.stdout)["status"] == "logged", logged.stdout
        assert ship_once(config).returncode == 0
        call(f"{node}/logs-acme.orders-default/_refresh", "POST")
        [hit] = search(node, "logs-acme.orders-default", {"term": {"acme.order.id": "A-1"}})
        assert hit["_source"]["mcp"]["audit"]["type"] == "acme_order"
        policy = call(f"{node}/_ilm/policy/logs-acme.orders")["logs-acme.orders"]["policy"]
        assert policy["phases"]["delete"]["min_age"] == "4000d"
