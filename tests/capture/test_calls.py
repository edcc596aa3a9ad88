"""What a call becomes, by whatever adapter it came: plain messages, without any SDK."""

import pytest

from shipper.capture import facts
from shipper.capture.call import (
    CANCELLED,
    Answer,
    Call,
    Client,
    Failure,
    Http,
    Identity,
    ended_by_response,
)
from shipper.capture.emit import FAILURES
from shipper.capture.pending import begin, end
from tests.capture.conftest import misfits

TOOL = Call("tools/call", {"name": "add", "arguments": {"a": 2}}, 7, server_name="shop")


def result(value):
    return {"jsonrpc": "2.0", "id": 7, "result": value}


def error(code, message):
    return {"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message}}


def recorded(call, response):
    """The one event of a call, which fits the catalog."""
    events, how = [], ended_by_response(response) if isinstance(response, dict) else response
    end(begin(lambda: call), lambda: how, events.append)
    [event] = events
    assert misfits(event) == []
    return event


def fields(call, response):
    return recorded(call, response).fields


def test_a_result_is_a_success_with_what_was_asked_and_answered():
    found = fields(TOOL, result({"content": [{"type": "text", "text": "5"}], "isError": False}))
    assert found["success"] is True
    assert found["gen_ai.tool.name"] == "add"
    assert found["gen_ai.tool.call.arguments"] == {"a": 2}
    assert found["mcp.tool.result.text"] == "5"
    assert found["mcp.request.id"] == "7"
    assert found["mcp.server.name"] == "shop"
    assert found["network.transport"] == "pipe"
    assert found["duration_ms"] >= 0


def test_a_json_rpc_error_is_a_failure_with_its_code_and_message():
    found = fields(TOOL, error(-32050, "quota gone"))
    assert found["success"] is False
    assert (found["error.code"], found["error.type"]) == ("-32050", "-32050")
    assert found["error.message"] == "quota gone"


def test_a_tool_that_reports_an_error_is_a_failure_in_its_own_words():
    found = fields(TOOL, result({"content": [{"type": "text", "text": "no"}], "isError": True}))
    assert (found["success"], found["error.type"]) == (False, "tool_error")
    assert found["error.message"] == "no"
    assert "mcp.tool.result.text" not in found


def test_a_known_cause_goes_before_the_words_of_the_tool():
    answer = Answer({"content": [], "isError": True}, Failure("OutOfStock", "no more"))
    found = fields(TOOL, answer)
    assert (found["error.type"], found["error.message"]) == ("OutOfStock", "no more")


def test_a_refusal_is_a_denial():
    found = fields(TOOL, Failure("AuthorizationError", "not you", reason="denied"))
    assert (found["success"], found["event.reason"]) == (False, "denied")
    assert found["event.type"] == ["access", "denied"]


def test_a_cancelled_call_has_no_known_outcome():
    found = fields(TOOL, CANCELLED)
    assert "success" not in found
    assert found["event.reason"] == "cancelled"


@pytest.mark.parametrize("response", [{}, {"result": None}, {"error": "x"}, {"result": [1]}])
def test_a_response_without_result_or_error_has_no_known_outcome(response):
    assert "success" not in fields(TOOL, response)


@pytest.mark.parametrize("params", [None, {}, {"name": 7, "arguments": "x", "_meta": []}])
def test_whatever_the_params_hold_a_call_becomes_an_event(params):
    call = Call("tools/call", params, 1)
    assert fields(call, error("x", {"a": 1}))["mcp.method.name"] == "tools/call"


def test_arguments_are_recorded_as_they_were_before_the_tool_changed_them():
    arguments, events = {"items": [1]}, []
    pending = begin(lambda: Call("tools/call", {"name": "a", "arguments": arguments}, 1))
    arguments["items"].clear()
    end(pending, lambda: CANCELLED, events.append)
    assert events[0].fields["gen_ai.tool.call.arguments"] == {"items": [1]}


def test_a_call_over_http_carries_who_made_it_and_where_it_came_from():
    call = Call(
        "tools/list",
        id=1,
        identity=Identity("ada", "https://id.example", "app"),
        client=Client("inspector", "1"),
        http=Http(address="192.0.2.1", user_agent="x", session="abc"),
    )
    found = fields(call, result({"tools": [1, 2]}))
    assert (found["user_id"], found["client_id"]) == ("ada", "app")
    assert (found["source_ip"], found["session_id"]) == ("192.0.2.1", "abc")
    assert found["network.transport"] == "tcp"
    assert found["mcp.client.name"] == "inspector"
    assert found["mcp.result.count"] == 2


def test_a_message_that_names_its_client_and_version_goes_before_the_session():
    meta = {
        "io.modelcontextprotocol/clientInfo": {"name": "own"},
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    }
    call = Call("tools/list", {"_meta": meta}, 1, client=Client("session", "1"))
    found = fields(call, result({"tools": []}))
    assert found["mcp.client.name"] == "own"
    assert "mcp.client.version" not in found
    assert found["mcp.protocol.version"] == "2026-07-28"


@pytest.mark.parametrize(
    ("method", "params", "answer", "action", "field", "value"),
    [
        (
            "sampling/createMessage",
            {"modelPreferences": {"hints": [{"name": "large"}]}},
            {"role": "assistant"},
            "sampling-request",
            "gen_ai.request.model",
            "large",
        ),
        (
            "elicitation/create",
            {"message": "Sure?"},
            {"action": "decline"},
            "elicitation",
            "mcp.elicitation.action",
            "decline",
        ),
        ("roots/list", None, {"roots": []}, "roots-list", "success", True),
    ],
)
def test_what_a_server_asks_of_its_client_is_an_event(method, params, answer, action, field, value):
    found = fields(Call(method, params, 3, from_server=True), result(answer))
    assert found["event.action"] == action
    assert found[field] == value


def test_a_notification_of_the_server_is_an_event_without_an_outcome():
    params = {"uri": "file:///notes.txt"}
    found = fields(Call("notifications/resources/updated", params, from_server=True), {})
    assert "success" not in found
    assert found["event.action"] == "resource-updated"
    assert found["mcp.resource.uri"] == "file:///notes.txt"
    assert found["event.category"] == ["api", "file"]
    assert "mcp.request.id" not in found


def test_a_client_that_asks_what_only_servers_ask_is_a_violation():
    event = recorded(Call("roots/list", {}, 3), error(-32601, "Method not found"))
    assert event.type == "mcp_policy_violations"
    assert event.fields["mcp.violation.type"] == "unknown_method"


@pytest.mark.parametrize(
    ("method", "request_id"), [("ping", 1), ("notifications/initialized", None)]
)
def test_a_sign_of_life_leaves_no_event(method, request_id):
    assert begin(lambda: Call(method, id=request_id)) is None


def test_a_request_with_the_name_of_a_notification_leaves_an_event():
    found = fields(Call("notifications/progress", {}, 4), error(-32601, "Method not found"))
    assert found["event.action"] == "method-unknown"


def test_an_adapter_that_fails_loses_its_event_only():
    lost = FAILURES.count
    assert begin(lambda: {}["no call"]) is None
    assert FAILURES.count == lost + 1


def test_a_call_whose_end_cannot_be_read_is_an_event_without_an_outcome():
    made = []
    end(begin(lambda: TOOL), lambda: {}["no end"], made.append)
    assert "success" not in made[0].fields


@pytest.mark.parametrize(
    "made",
    [
        {"resultType": "task", "taskId": "t-1", "status": "working"},
        {"task": {"taskId": "t-1", "status": "working"}},
        {
            "content": [],
            "isError": False,
            "_meta": {"modelcontextprotocol.io/task": {"taskId": "t-1"}},
        },
    ],
)
def test_a_call_that_became_a_task_has_its_id_and_no_outcome_yet(made):
    found = fields(TOOL, result(made))
    assert "success" not in found
    assert found["event.reason"] == "task"
    assert found["mcp.task.id"] == "t-1"
    assert "mcp.tool.is_error" not in found


@pytest.mark.parametrize(
    ("state", "success", "kind", "message"),
    [
        ({"status": "working"}, True, None, None),
        ({"status": "input_required"}, None, None, None),
        ({"status": "cancelled"}, None, None, None),
        ({"status": "completed"}, True, None, None),
        ({"status": "completed", "result": {"content": []}}, True, None, None),
        (
            {
                "status": "completed",
                "result": {"isError": True, "content": [{"type": "text", "text": "no"}]},
            },
            False,
            "tool_error",
            "no",
        ),
        (
            {"status": "failed", "error": {"code": -32603, "message": "gone"}},
            False,
            "-32603",
            "gone",
        ),
        ({"status": "failed", "statusMessage": "gone"}, False, "task", "gone"),
        ({"status": ["odd"]}, True, None, None),
    ],
)
def test_asking_for_a_task_is_recorded_with_the_outcome_of_the_task(state, success, kind, message):
    call = Call("tasks/get", {"taskId": "t-1"}, 9)
    found = fields(call, result({"taskId": "t-1", **state}))
    assert found.get("success") is success
    assert found["mcp.task.id"] == "t-1"
    assert (found.get("error.type"), found.get("error.message")) == (kind, message)
    if success is None:
        assert found["event.reason"] == state["status"]


def test_the_result_of_a_task_that_says_error_is_a_failure():
    call = Call("tasks/result", {"taskId": "t-1"}, 9)
    found = fields(call, result({"content": [{"type": "text", "text": "no"}], "isError": True}))
    assert (found["success"], found["error.type"], found["mcp.task.id"]) == (
        False,
        "tool_error",
        "t-1",
    )
    assert found["error.message"] == "no"


@pytest.mark.parametrize(
    ("action", "reason"), [("decline", "declined"), ("cancel", "dismissed"), ("accept", None)]
)
def test_a_call_that_fails_because_the_user_said_no_is_a_denial(action, reason):
    params = {**TOOL.params, "inputResponses": {"sure": {"action": action}}}
    said = result({"content": [{"type": "text", "text": "not done"}], "isError": True})
    found = fields(Call("tools/call", params, 8), said)
    assert found["success"] is False
    assert found.get("event.reason") == reason
    assert ("denied" in found["event.type"]) is (reason is not None)


@pytest.mark.parametrize("given", ["x", {"a": "x"}, {"a": {"action": ["decline"]}}, [1]])
def test_odd_answers_to_a_question_lose_no_event(given):
    params = {**TOOL.params, "inputResponses": given}
    assert fields(Call("tools/call", params, 8), error(1, "no"))["success"] is False


META = {
    "Claude Code": ({"claudecode/toolUseId": "toolu_1"}, {"gen_ai.tool.call.id": "toolu_1"}),
    "Codex": (
        {"callId": "call_1", "threadId": "t1"},
        {"gen_ai.tool.call.id": "call_1", "gen_ai.conversation.id": "t1"},
    ),
    "OpenCode": ({"ai.opencode/sessionID": "ses_1"}, {"gen_ai.conversation.id": "ses_1"}),
    "OpenCode, before": ({"sessionID": "ses_1"}, {"gen_ai.conversation.id": "ses_1"}),
    "Antigravity": (
        {"antigravity.google/conversation_id": "c1"},
        {"gen_ai.conversation.id": "c1"},
    ),
    "no text": ({"callId": 7, "threadId": {"a": 1}, "sessionID": ""}, {}),
    "a state without a trace": ({"tracestate": "es=s:1", "traceparent": "x"}, {}),
}
HOST_JOIN = {"gen_ai.tool.call.id", "gen_ai.conversation.id", "mcp.trace.state", "trace.id"}


@pytest.mark.parametrize("host", META)
def test_a_hosts_own_ids_are_read_by_the_table(host):
    meta, expected = META[host]
    found = fields(Call("tools/call", {"name": "t", "_meta": meta}, 7), result({}))
    assert {name: found[name] for name in HOST_JOIN & found.keys()} == expected


@pytest.fixture
def started_by_claude_code(monkeypatch):
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "from-environment")
    facts._stated_in_environment.cache_clear()
    yield
    facts._stated_in_environment.cache_clear()


@pytest.mark.usefixtures("started_by_claude_code")
def test_the_environment_names_the_conversation_of_a_pipe_unless_the_call_does():
    assert fields(TOOL, result({}))["gen_ai.conversation.id"] == "from-environment"
    call = Call("tools/call", {"name": "t", "_meta": {"threadId": "from-meta"}}, 7)
    assert fields(call, result({}))["gen_ai.conversation.id"] == "from-meta"
    over_http = Call("tools/call", {"name": "t"}, 7, http=Http())
    assert "gen_ai.conversation.id" not in fields(over_http, result({}))


@pytest.mark.parametrize(
    ("action", "success", "reason"),
    [("accept", True, None), ("decline", False, "declined"), ("cancel", False, "dismissed")],
)
def test_a_question_that_the_user_refuses_is_a_denial(action, success, reason):
    question = Call("elicitation/create", {"message": "Sure?"}, 1, from_server=True)
    found = fields(question, result({"action": action}))
    assert (found["success"], found.get("event.reason")) == (success, reason)
    assert found["mcp.elicitation.action"] == action
    assert ("denied" in found["event.type"]) is (reason is not None)
