"""What each kind of event becomes: one document of ECS for each helper."""

import pytest

import shipper
from shipper import MCPEventType
from shipper.record.event import COMMON, create_event

#: Each helper with the guide's parameters, and some of the document that comes of it.
EVENTS = {
    "a tool was called": (
        shipper.create_tool_execution_event(
            user_id="bob",
            tool_name="query_db",
            arguments={"limit": 1},
            result={"rows": [1]},
            duration_ms=1.5,
            cost=0.002,
            success=True,
        ),
        {
            "data_stream.dataset": "mcp.tools",
            "event.action": "tool-call",
            "event.category": ["api"],
            "event.duration": 1_500_000,
            "event.outcome": "success",
            "event.severity": 0,
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": {"limit": 1},
            "gen_ai.tool.name": "query_db",
            "mcp.cost.amount": 0.002,
            "mcp.method.name": "tools/call",
            "mcp.tool.result.text": '{"rows":[1]}',
            "message": "bob called query_db: succeeded",
            "related.user": ["bob"],
            "user.id": "bob",
            "user.name": "bob",
        },
    ),
    "a tool call failed": (
        shipper.create_tool_execution_event("bob", "query_db", success=False),
        {"event.outcome": "failure", "log.level": "warning", "event.severity": 47},
    ),
    "a tool call was cancelled": (
        shipper.create_tool_execution_event("bob", "query_db", success=None),
        {"event.outcome": "unknown", "log.level": "info"},
    ),
    "a resource was read": (
        shipper.create_resource_access_event(
            user_id="bob", resource_type="file", resource_id="file:///x", action="read", data_size=5
        ),
        {
            "data_stream.dataset": "mcp.resources",
            "event.action": "resource-read",
            "mcp.resource.type": "file",
            "mcp.resource.uri": "file:///x",
            "mcp.resource.size": 5,
            "message": "bob read file:///x: succeeded",
        },
    ),
    "a resource was deleted": (
        shipper.create_resource_access_event("bob", "file", "file:///x", "delete"),
        {"event.action": "resource-delete", "mcp.resource.action": "delete"},
    ),
    "a resource was treated as no word says": (
        shipper.create_resource_access_event("bob", "file", "file:///x", "Drop it, 5 times"),
        {"event.action": "resource-read", "mcp.resource.action": "Drop it, 5 times"},
    ),
    "a prompt was fetched": (
        shipper.create_prompt_request_event("bob", "greet", {"name": "x"}),
        {
            "data_stream.dataset": "mcp.prompts",
            "event.action": "prompt-get",
            "gen_ai.prompt.name": "greet",
            "mcp.prompt.arguments": {"name": "x"},
        },
    ),
    "somebody failed to log in": (
        shipper.create_authentication_event(
            user_id="bob",
            client_id="c1",
            oauth_flow="authorization_code",
            token_type="bearer",
            success=False,
            failure_reason="expired",
        ),
        {
            "data_stream.dataset": "mcp.auth",
            "event.category": ["authentication"],
            "event.outcome": "failure",
            "event.reason": "expired",
            "mcp.client.id": "c1",
            "mcp.oauth.grant_type": "authorization_code",
            "mcp.oauth.token_type": "bearer",
        },
    ),
    "a policy denied": (
        shipper.create_authorization_event(
            user_id="bob",
            mcp_endpoint="tools/call",
            policy_engine="opa",
            decision="deny",
            confidence=0.9,
            approval_required=True,
        ),
        {
            "data_stream.dataset": "mcp.authz",
            "event.outcome": "failure",
            "event.type": ["access", "denied"],
            "mcp.authz.approval.required": True,
            "mcp.authz.confidence": 0.9,
            "mcp.authz.decision": "deny",
            "mcp.authz.engine": "opa",
            "mcp.method.name": "tools/call",
        },
    ),
    "a policy allowed": (
        shipper.create_authorization_event("bob", "tools/call", "opa", "allow"),
        {"event.outcome": "success", "event.type": ["access", "allowed"]},
    ),
    "a policy asked": (
        shipper.create_authorization_event("bob", "tools/call", "opa", "ask"),
        {"event.outcome": "unknown", "event.type": ["access"]},
    ),
    "a rule was broken": (
        shipper.create_policy_violation_event(
            user_id="bob",
            violation_type="pii",
            severity="HIGH",
            details="an address",
            action_taken="blocked",
        ),
        {
            "data_stream.dataset": "mcp.violations",
            "event.outcome": "failure",
            "event.severity": 73,
            "event.type": ["denied"],
            "log.level": "error",
            "mcp.violation.details": "an address",
            "mcp.violation.type": "pii",
        },
    ),
    "a rule was broken, and it went on": (
        shipper.create_policy_violation_event("bob", "pii", "low", action_taken="alerted"),
        {"event.type": ["info"], "event.severity": 21},
    ),
    "a token was used": (
        shipper.create_token_usage_event("bob", "c1", scopes=["a", "b"]),
        {"data_stream.dataset": "mcp.tokens", "mcp.oauth.scopes.granted": ["a", "b"]},
    ),
    "a limit was reached": (
        shipper.create_rate_limiting_event("bob", "calls", 10, 60.0, 0, 1.5),
        {
            "data_stream.dataset": "mcp.ratelimits",
            "event.outcome": "failure",
            "mcp.rate_limit.limit": 10,
            "mcp.rate_limit.name": "calls",
            "mcp.rate_limit.remaining": 0,
            "mcp.rate_limit.retry_after_s": 1.5,
            "mcp.rate_limit.window_s": 60.0,
        },
    ),
    "an attack was blocked": (
        shipper.create_security_threat_event(
            user_id="eve",
            threat_type="prompt_injection",
            confidence=0.57,
            indicators=["ignore previous"],
            blocked=True,
            source_ip="10.0.0.1",
        ),
        {
            "data_stream.dataset": "mcp.threats",
            "event.kind": "alert",
            "event.risk_score": 57.0,
            "event.severity": 73,
            "event.type": ["denied"],
            "mcp.threat.blocked": True,
            "mcp.threat.indicators": {"values": ["ignore previous"]},
            "message": "eve is suspected of prompt_injection from 10.0.0.1: denied",
            "related.ip": ["10.0.0.1"],
            "source.ip": "10.0.0.1",
        },
    ),
    "an attack is nearly certain": (
        shipper.create_security_threat_event("eve", "x", 0.8),
        {"event.severity": 99, "log.level": "critical", "event.type": ["info"]},
    ),
    "the record was exported": (
        shipper.create_compliance_event("export", "AU-6", {"format": "csv"}, 12, "bob"),
        {
            "data_stream.dataset": "mcp.compliance",
            "event.action": "audit-export",
            "mcp.compliance.control": "AU-6",
            "mcp.compliance.details": {"format": "csv"},
            "mcp.compliance.records": 12,
        },
    ),
}


def at(document, path):
    for name in path.split("."):
        document = document[name]
    return document


@pytest.mark.parametrize("what", EVENTS)
def test_the_fields_say_that(what, recorder):
    event, expected = EVENTS[what]
    document = recorder.log(event)
    assert {path: at(document, path) for path in expected} == expected


def test_there_is_a_helper_for_each_built_in_type():
    assert {event.type for event, _ in EVENTS.values()} == set(MCPEventType)


@pytest.mark.parametrize("what", EVENTS)
def test_each_type_has_a_helper_that_takes_what_every_event_may_carry(what, recorder):
    given = EVENTS[what][0]
    common = {
        "session_id": "s1",
        "client_id": "c1",
        "source_ip": "10.0.0.9",
        "user_agent": "agent/1",
        "correlation_id": "x1",
    }
    document = recorder.log(create_event(given.type, {**given.fields, **common}))
    assert (
        document["mcp"]["session"]["id"],
        document["mcp"]["client"]["id"],
        document["source"]["ip"],
        document["user_agent"]["original"],
        document["mcp"]["correlation"]["id"],
    ) == tuple(common.values())


def test_an_argument_that_no_event_has_is_refused_with_the_known_ones():
    with pytest.raises(TypeError, match="unknown argument 'usr_id'; known: client_id, "):
        shipper.create_tool_execution_event("bob", "t", usr_id="x")
    with pytest.raises(TypeError, match="unknown argument 'usr_id'"):
        create_event("mcp_tool_execution", usr_id="x")


def test_every_common_argument_is_taken_by_an_event_of_any_type():
    assert create_event("mine", **dict.fromkeys(COMMON, "x")).fields.keys() == COMMON


def test_none_is_the_same_as_leaving_it_out():
    event = shipper.create_tool_execution_event(None, "t", result=None, session_id=None)
    assert event.fields == {"tool_name": "t", "success": True}


@pytest.mark.parametrize(
    ("success", "outcome"),
    [(True, "success"), (False, "failure"), (None, "unknown"), (1, "success"), ("yes", "unknown")],
)
def test_success_decides_the_outcome(success, outcome, recorder):
    document = recorder.log(create_event("mcp_tool_execution", success=success))
    assert document["event"]["outcome"] == outcome


@pytest.mark.parametrize("severity", ["urgent", 5, ["high"], ""])
def test_a_severity_that_is_none_is_decided_by_the_outcome(severity, recorder):
    document = recorder.log(create_event("mcp_tool_execution", success=False, severity=severity))
    assert (document["log"]["level"], document["event"]["severity"]) == ("warning", 47)


@pytest.mark.parametrize("action_taken", [["alerted"], {"x": 1}, 5])
def test_a_word_of_another_type_loses_no_event(action_taken, recorder):
    fields = {"action_taken": action_taken, "decision": action_taken, "confidence": action_taken}
    for event_type in MCPEventType:
        recorder.log(create_event(event_type, fields))
    assert recorder.handler.counts.failed == 0


def test_an_alias_and_its_path_are_the_same_field(recorder):
    by_alias = recorder.log(create_event("mcp_tool_execution", {"tool_name": "t"}))
    by_path = recorder.log(create_event("mcp_tool_execution", {"gen_ai.tool.name": "t"}))
    assert by_alias["gen_ai"] == by_path["gen_ai"]
