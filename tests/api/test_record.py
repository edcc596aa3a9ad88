"""The operations that read the record: what they answer, and the events that they leave."""

import json
import os
import pwd
import shutil

import pytest

import shipper
from shipper.cli import main

LOG = {
    "operation": "log_audit_event",
    "event_type": "mcp_tool_execution",
    "user_id": "bob",
    "event_data": {"tool_name": "t", "arguments": {}, "result": "ok", "success": True},
}


@pytest.fixture
def config(tmp_path):
    made = {"path": {"home": str(tmp_path)}, "compliance_frameworks": ["sox"]}
    for _ in range(3):
        assert shipper.process(LOG, made)["success"]
    return made


def recorded(tmp_path):
    """The operations in the shipper's own stream, and their events."""
    paths = sorted(tmp_path.rglob("audit/*.jsonl"))
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return {one["mcp"].get("compliance", {}).get("operation"): one for one in lines}


def test_a_report_answers_for_the_frameworks_of_the_configuration(config):
    answer = shipper.process({"operation": "get_compliance_report"}, config)
    assert answer["success"]
    assert [one["name"] for one in answer["frameworks"]] == ["sox"]
    (change,) = [one for one in answer["frameworks"][0]["answers"] if one["clause"] == "change"]
    assert (change["support"], change["population"]["count"]) == ("partly", 3)
    assert json.loads(json.dumps(answer)) == answer


def test_a_report_covers_the_requested_frameworks_and_period(config):
    asked = {"frameworks": ["gdpr", "hipaa"], "seed": 7, "sample": 1, "until": "2020-01-01"}
    answer = shipper.process({"operation": "get_compliance_report", **asked}, config)
    assert [one["name"] for one in answer["frameworks"]] == ["gdpr", "hipaa"]
    assert (answer["seed"], answer["events"]) == ("7", 0)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"frameworks": 5}, "frameworks: expected a list"),
        ({"frameworks": ["soxx"]}, "unknown framework 'soxx'"),
        ({"frameworks": ""}, "unknown framework ''"),
        ({"sample": -1}, "sample: expected a whole number from 0"),
        ({"since": "yesterday"}, "since: expected a time"),
        ({"elasticsearch": True}, "output.elasticsearch"),
    ],
)
def test_a_report_that_cannot_be_made_is_a_failure_with_the_reason(config, asked, error):
    answer = shipper.process({"operation": "get_compliance_report", **asked}, config)
    assert not answer["success"]
    assert error in answer["error"]


@pytest.mark.parametrize("operation", ["get_compliance_report", "search_audit_events"])
def test_a_cluster_that_is_not_there_is_a_failure_with_the_reason(config, operation):
    output = {"elasticsearch": {"hosts": ["http://127.0.0.1:1"]}}
    answer = shipper.process(
        {"operation": operation, "elasticsearch": True}, {**config, "output": output}
    )
    assert not answer["success"]
    assert "cannot be reached" in answer["error"]


def test_every_operation_that_reads_the_record_is_an_event(config, tmp_path, capsys):
    for operation in ("get_compliance_report", "search_audit_events"):
        assert shipper.process({"operation": operation, "user_id": "ann"}, config)["success"]
    found = recorded(tmp_path)
    for operation in ("report", "search"):
        assert found[operation]["user"]["id"] == "ann"
    assert found["report"]["mcp"]["compliance"]["details"]["frameworks"] == ["sox"]
    main([f"-Epath.home={tmp_path}", "verify", "--json"])
    assert capsys.readouterr().out
    verified = recorded(tmp_path)["verify"]
    assert verified["mcp"]["compliance"]["details"]["words"]["unsigned-tail"] >= 1
    assert verified["user"]["id"] == pwd.getpwuid(os.getuid()).pw_name


def test_verifying_a_copy_leaves_no_event(config, tmp_path, capsys):
    shutil.copytree(tmp_path / "audit", tmp_path / "copy")
    main([f"-Epath.home={tmp_path}", "verify", str(tmp_path / "copy")])
    assert capsys.readouterr().out
    assert "verify" not in recorded(tmp_path)


def test_verifying_the_own_record_is_an_event_also_if_it_is_named(config, tmp_path):
    (segment,) = (tmp_path / "audit").glob("*.jsonl")
    main([f"-Epath.home={tmp_path}", "verify", str(segment)])
    assert recorded(tmp_path)["verify"]["mcp"]["compliance"]["records"] > 1


def test_verifying_a_followed_input_is_an_event(config, tmp_path):
    shutil.copytree(tmp_path / "audit", tmp_path / "elsewhere")
    inputs = f"-Einputs=[{{paths: ['{tmp_path}/elsewhere/*.jsonl']}}]"
    main([f"-Epath.home={tmp_path}", inputs, "verify", str(tmp_path / "elsewhere")])
    assert "verify" in recorded(tmp_path)
