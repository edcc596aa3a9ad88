"""The guide's JSON interface: the fields that it specifies, and events that are really logged."""

import json

import pytest

import shipper
from shipper.record.format import first_break


@pytest.fixture
def config(tmp_path):
    return {"path": {"home": str(tmp_path)}, "mcp_audit_level": "basic"}


REQUEST = {
    "operation": "log_audit_event",
    "event_type": "mcp_tool_execution",
    "user_id": "user_123",
    "session_id": "session_456",
    "client_id": "client_789",
    "mcp_endpoint": "tools/call",
    "event_data": {
        "tool_name": "file_reader",
        "arguments": {"path": "/tmp/test.txt"},
        "result": "file content",
        "duration_ms": 150.5,
        "cost": 0.002,
        "success": True,
    },
    "severity": "info",
    "source_ip": "192.168.1.100",
    "correlation_id": "req_789",
}


def lines(tmp_path):
    return [
        line
        for path in sorted((tmp_path / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]


def test_get_status_answers_field_by_field(config):
    assert shipper.process({"operation": "get_status"}, config) == {
        "success": True,
        "operation": "get_status",
        "audit_level": "basic",
        "active_events": [
            "mcp_tool_execution",
            "mcp_authentication_events",
            "mcp_authorization_decisions",
            "mcp_security_threats",
        ],
        "real_time_monitoring": True,
        "compliance_frameworks": [],
        "retention_days": 365,
        "elk_integration": False,
    }


def test_elk_integration_is_false_when_the_configured_output_does_not_answer(config):
    config["elasticsearch_url"] = "http://127.0.0.1:9"
    assert shipper.process({"operation": "get_status"}, config)["elk_integration"] is False


def test_log_audit_event_really_logs(config, tmp_path):
    answer = shipper.process(REQUEST, config)
    assert {**answer, "event_id": ""} == {
        "success": True,
        "operation": "log_audit_event",
        "event_id": "",
        "event_type": "mcp_tool_execution",
        "user_id": "user_123",
        "severity": "info",
        "status": "logged",
    }
    written = {(e := json.loads(line))["event"]["id"]: e for line in lines(tmp_path)}
    event = written[answer["event_id"]]
    assert event["user"]["id"] == "user_123"
    assert event["gen_ai"]["tool"]["name"] == "file_reader"
    assert event["mcp"]["tool"]["result"]["text"] == "file content"
    assert event["mcp"]["cost"]["amount"] == 0.002
    assert event["event"]["duration"] == 150_500_000
    assert event["event"]["outcome"] == "success"
    assert event["source"]["ip"] == "192.168.1.100"


def test_operations_on_one_configuration_share_a_stream_whose_chain_holds(config, tmp_path):
    for _ in range(3):
        shipper.process(REQUEST, config)
    assert first_break(lines(tmp_path)) is None


def test_an_event_below_the_level_is_answered_as_filtered_with_the_reason(config):
    answer = shipper.process({**REQUEST, "event_type": "mcp_prompt_request"}, config)
    assert (answer["success"], answer["status"], answer["event_id"]) == (True, "filtered", None)
    assert answer["reason"] == (
        "mcp_prompt_request is recorded from level standard; the level is basic "
        "and no chosen framework requires it"
    )


def test_get_audit_summary_answers_field_by_field(config):
    config["compliance_frameworks"] = ["gdpr"]
    answer = shipper.process({"operation": "get_audit_summary"}, config)
    assert answer.keys() == {
        *("success", "operation", "audit_level", "total_event_types", "event_types"),
        *("compliance_frameworks", "real_time_monitoring"),
    }
    assert answer["total_event_types"] == len(answer["event_types"]) == 5


def test_an_unknown_operation_is_answered_with_the_known_ones(config):
    answer = shipper.process({"operation": "drop_log"}, config)
    assert answer == {
        "success": False,
        "operation": "drop_log",
        "error": "unknown operation 'drop_log'; known: "
        "get_status, log_audit_event, get_audit_summary, search_audit_events, "
        "get_compliance_report",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"event_type": "nonsense"}, "unknown 'nonsense'"),
        ({"event_data": "text"}, "event_data: expected an object"),
    ],
)
def test_a_bad_request_is_answered_not_raised(change, expected, config):
    answer = shipper.process({**REQUEST, **change}, config)
    assert answer["success"] is False
    assert expected in answer["error"]


def test_a_bad_configuration_is_answered_not_raised():
    answer = shipper.process({"operation": "get_status"}, {"mcp_audit_level": "most"})
    assert answer["success"] is False
    assert "mcp_audit_level" in answer["error"]


def test_a_directory_that_cannot_be_written_is_answered_not_raised(tmp_path):
    (tmp_path / "file").touch()
    answer = shipper.process(REQUEST, {"path": {"audit": str(tmp_path / "file")}})
    assert answer["success"] is False
    assert "file" in answer["error"]


@pytest.mark.parametrize("context", [5, None, "get_status", [1]])
def test_what_is_no_object_is_answered_not_raised(context, config):
    answer = shipper.process(context, config)
    assert answer["success"] is False
    assert "expected an object" in answer["error"]
