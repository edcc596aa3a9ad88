"""The guide's JSON interface: the fields that it specifies, and events that are really logged."""

import json

import pytest

import shipper
from shipper.catalog import builtin
from shipper.config import from_mapping
from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from shipper.record.format import first_break
from tests.detect.events import failed_login


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
    hidden = {"event_type": "mcp_prompt_request", "event_data": {"prompt_name": "x"}}
    answer = shipper.process({**REQUEST, **hidden}, config)
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
        *("compliance_frameworks", "real_time_monitoring", "period", "total_events"),
        *("by_type", "by_outcome", "by_severity"),
    }
    assert answer["total_event_types"] == len(answer["event_types"]) == 5


def test_the_summary_counts_what_is_recorded_in_a_period(config):
    shipper.process(REQUEST, config)
    failed = {"event_data": {"tool_name": "x", "success": False}, "severity": "high"}
    shipper.process({**REQUEST, **failed}, config)
    found = shipper.process({"operation": "get_audit_summary"}, config)
    assert found["by_type"]["mcp_tool_execution"] == 2
    assert found["by_outcome"]["failure"] == 1
    assert found["by_severity"]["high"] == 1
    assert found["total_events"] == sum(found["by_type"].values())
    before = {"operation": "get_audit_summary", "since": "2020-01-01", "until": "2020-02-01"}
    assert shipper.process(before, config)["total_events"] == 0


def test_a_batch_is_logged_in_order_in_one_stream(config, tmp_path):
    bare = {key: value for key, value in REQUEST.items() if key != "operation"}
    hidden = {"event_type": "mcp_prompt_request"}
    batch = {"operation": "log_audit_events", "events": [bare, hidden, bare]}
    answer = shipper.process(batch, config)
    assert (answer["logged"], answer["filtered"]) == (2, 1)
    first, _, second = (one["event_id"] for one in answer["events"])
    assert first.rpartition("-")[0] == second.rpartition("-")[0]
    assert first_break(lines(tmp_path)) is None


def test_a_batch_with_a_problem_is_not_logged_and_every_problem_is_answered(config, tmp_path):
    events = [{"event_type": "mcp_tool_execution"}, {"event_tipe": "x"}, 5]
    answer = shipper.process({"operation": "log_audit_events", "events": events}, config)
    assert answer["error"].splitlines() == [
        "events[1].event_tipe: unknown member; did you mean 'event_type'?",
        f"events[1].event_type: unknown None; known here: {', '.join(TYPES)}",
        "events[2]: expected an object, found int",
    ]
    assert lines(tmp_path) == []


TYPES = [*builtin().event_types]


def test_events_are_streamed_from_where_the_last_answer_ended(config, tmp_path):
    shipper.process(REQUEST, config)
    ask = {"operation": "stream_events"}
    begin = shipper.process(ask, config)
    assert begin["events"] == []
    ids = [shipper.process(REQUEST, config)["event_id"] for _ in range(5)]
    first = shipper.process({**ask, "after": begin["after"], "limit": 2}, config)
    then = shipper.process({**ask, "after": first["after"], "query": "user.id: user_123"}, config)
    found = [event["event"]["id"] for event in [*first["events"], *then["events"]]]
    assert found == ids
    assert (first["missed"], then["missed"]) == ([], [])
    again = shipper.process({**ask, "after": then["after"]}, config)
    assert (again["events"], again["after"]) == ([], then["after"])


def test_a_reader_learns_which_streams_it_missed_a_part_of(config, tmp_path):
    shipper.process(REQUEST, config)
    after = shipper.process({"operation": "stream_events"}, config)["after"]
    [segment] = (tmp_path / "audit").glob("*.jsonl")
    stream = segment.name.rpartition("-")[0]
    segment.rename(segment.with_name(f"{stream}-000002.jsonl"))
    answer = shipper.process({"operation": "stream_events", "after": after}, config)
    assert answer["missed"] == [stream]


@pytest.mark.parametrize("after", ["x", "!!", "e30x", "eyJhIjpbMSwtMV19", "eyJhIjoxfQ"])
def test_an_invalid_place_is_answered_with_an_error(after, config):
    answer = shipper.process({"operation": "stream_events", "after": after}, config)
    assert "after: expected the `after` of an earlier answer" in answer["error"]


def test_alerts_are_answered_with_what_is_usual_and_what_was_seen(config, tmp_path):
    raised = [failed_login(n, n) for n in range(1, 9)]
    monitored = {"real_time_alerts": ["multiple_authentication_failures"]}
    checked = from_mapping(config | {"security_monitoring": monitored})
    checked.data.mkdir(parents=True)
    output = OUTPUTS["alerts"].create(checked.outputs["alerts"])
    output.send(Lines.of(raised))
    output.close()
    answer = shipper.process({"operation": "get_alerts", "severity": "medium"}, config)
    [alert] = answer["alerts"]
    assert alert["rule"] == "multiple_authentication_failures"
    assert alert["group"] == {"source.ip": "203.0.113.9"}
    assert alert["usual"] == "fewer than 5 events within 10 minutes"
    assert alert["events"] == [f"s1-{n}" for n in range(1, 6)]
    for asked in ({"severity": "high"}, {"rule": "other"}, {"until": "2020-01-01"}):
        assert shipper.process({"operation": "get_alerts", **asked}, config)["alerts"] == []


def test_an_unknown_operation_is_answered_with_the_known_ones(config):
    answer = shipper.process({"operation": "get_statuss"}, config)
    assert answer["error"].startswith(
        "unknown operation 'get_statuss'; did you mean 'get_status'?; known: get_status, "
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"event_type": "nonsense"}, "event_type: unknown 'nonsense'"),
        ({"event_type": "mcp_tool_execution_"}, "did you mean 'mcp_tool_execution'?"),
        ({"event_data": "text"}, "event_data: expected an object, found 'text'"),
        ({"usr_id": "x"}, "usr_id: unknown member; did you mean 'user_id'?"),
        ({"user_id": 5}, "user_id: expected text, found 5"),
        ({"severity": "sever"}, "severity: expected one of debug, info, low"),
        ({"severity": 3}, "severity: expected one of debug, info, low"),
        ({"source_ip": "300.1.1.1"}, "source_ip: expected an address such as 192.0.2.1"),
        ({"duration_ms": "1"}, "duration_ms: expected a number from 0"),
        ({"duration_ms": float("nan")}, "duration_ms: expected a number from 0"),
        ({"duration_ms": 10**400}, "duration_ms: expected a number"),
        ({"duration_ms": 1e308}, "duration_ms: expected a number from 0 to 9000000000000"),
        ({"event_data": {"duration_ms": 1e308}}, "event_data.duration_ms: expected a number"),
        ({"success": "yes"}, "success: expected true or false"),
        ({"event_data": {"tool_nam": "x"}}, "event_data.tool_nam: unknown field"),
        ({"event_data": {"source_ip": "x"}}, "event_data.source_ip: expected an address"),
        ({"operation": "get_alerts"}, "event_type: unknown member"),
        ({"operation": "search_audit_events", "limit": 0}, "limit: expected a whole number from 1"),
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


@pytest.mark.parametrize("operation", ["log_audit_event", "get_compliance_report"])
def test_a_text_that_is_not_unicode_is_answered_not_raised(operation, config):
    asked = {"log_audit_event": REQUEST | {"user_id": "a\ud800"}}
    request = asked.get(operation, {"seed": "a\ud800"})
    answer = shipper.process(request | {"operation": operation}, config)
    assert answer["success"]
    json.dumps(answer, ensure_ascii=False).encode()
