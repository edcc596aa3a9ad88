"""`message`: one sentence that says who did what, on which server, from where, and the end."""

import pytest

from shipper.catalog import builtin
from shipper.catalog.methods import methods
from shipper.catalog.sentences import sentences
from shipper.record.event import create_event
from tests.record.recorder import documents

WHO = {"user_id": "alice", "mcp.server.name": "files", "source_ip": "10.0.0.7"}
TOOL = "mcp_tool_execution"
REFUSED = {"event.type": ["access", "denied"], "event.reason": "insufficient_scope"}
SCOPES = {"mcp.oauth.scopes.required": ["files:read", "files:write"], "scopes": ["files:read"]}

SENTENCES = {
    "alice called delete_file on files from 10.0.0.7: succeeded": (
        *(TOOL, {**WHO, "tool_name": "delete_file"}, True),
    ),
    "alice asked to use delete_file on files from 10.0.0.7: denied (missing scope files:write)": (
        "mcp_authorization_decisions",
        {**WHO, **REFUSED, **SCOPES, "tool_name": "delete_file"},
        False,
    ),
    "alice called delete_file on files from 10.0.0.7: failed (PermissionError)": (
        *(TOOL, {**WHO, "tool_name": "delete_file", "error.type": "PermissionError"}, False),
    ),
    "alice called delete_file on files from 10.0.0.7: denied (declined)": (
        TOOL,
        {**WHO, **REFUSED, "tool_name": "delete_file", "event.reason": "declined"},
        False,
    ),
    "alice called t: denied": (
        *(TOOL, {"user_id": "alice", "tool_name": "t", **REFUSED, "event.reason": "denied"}, False),
    ),
    "alice called delete_file on files from 10.0.0.7: waits for an answer": (
        *(TOOL, {**WHO, "tool_name": "delete_file", "event.reason": "input_required"}, None),
    ),
    "Alice A. called a tool: succeeded": (TOOL, {"user_id": "7", "user_name": "Alice A."}, True),
    "job-1 called t: outcome unknown": (TOOL, {"client_id": "job-1", "tool_name": "t"}, None),
    "somebody called t: failed": (TOOL, {"tool_name": "t"}, False),
    "files asked alice a question: denied (declined)": (
        "mcp_prompt_request",
        {**WHO, **REFUSED, "event.action": "elicitation", "event.reason": "declined"},
        False,
    ),
    "the server announced to the user that its tools changed: outcome unknown": (
        *("mcp_compliance_events", {"event.action": "tool-definition-changed"}, None),
    ),
    "alice subscribed to file:///a, file:///b: succeeded": (
        "mcp_resource_access",
        {
            "user_id": "alice",
            "event.action": "subscription-listen",
            "resource_id": ["file:///a", "file:///b"],
        },
        True,
    ),
    "mcp-shipper exported evidence: succeeded": (
        *("mcp_compliance_events", {"operation": "export"}, True),
    ),
    "mcp-shipper did audit-letters-replayed: succeeded": (
        *("mcp_compliance_events", {"operation": "letters-replayed"}, True),
    ),
    "alice did resource-paint file:///x: succeeded": (
        "mcp_resource_access",
        {"user_id": "alice", "resource_id": "file:///x", "action": "paint"},
        True,
    ),
    f"alice called {'x' * 100}…: succeeded": (
        *(TOOL, {"user_id": "alice", "tool_name": "x" * 300}, True),
    ),
    "alice called a b: succeeded": (TOOL, {"user_id": "alice", "tool_name": "a\nb"}, True),
}


@pytest.mark.parametrize("expected", SENTENCES)
def test_the_message_of_an_event(expected, new_recorder):
    kind, fields, success = SENTENCES[expected]
    recorder = new_recorder(audit_level="enterprise")
    assert recorder.log(create_event(kind, fields, success=success))["message"] == expected


def test_a_message_names_the_service_if_there_is_no_server(new_recorder):
    recorder = new_recorder(service={"name": "orders"})
    event = create_event(TOOL, {"tool_name": "t"}, user_id="bob", success=True)
    assert recorder.log(event)["message"] == "bob called t on orders: succeeded"


def test_a_message_contains_no_secret_that_the_event_masks(recorder):
    secret = "ghp_" + "a1B2" * 9
    fields = {"tool_name": f"use {secret}", "event.reason": secret, "error.type": secret}
    for success in (True, False, None):
        assert secret not in str(recorder.log(create_event(TOOL, fields, success=success)))


def test_every_method_has_its_words():
    table = methods()
    rows = [*table.requests.values(), *table.from_server.values(), table.served, table.unserved]
    assert {row.action for row in rows} - sentences().deeds.keys() == set()


def test_the_words_name_fields_of_the_catalog():
    table = sentences()
    named = {deed.field for deed in table.deeds.values() if deed.field}
    named |= {*table.who, *table.server, *table.subjects, *table.reasons}
    assert named <= builtin().fields.keys()


RELATED = {
    "related.user": (
        {"user_id": "7", "user_name": "ada", "approver": "eve"},
        ["7", "ada", "eve"],
    ),
    "related.ip": ({"source_ip": "10.0.0.7"}, ["10.0.0.7"]),
    "user.name": ({"user_id": "7"}, "7"),
}


@pytest.mark.parametrize("path", RELATED)
def test_the_lists_that_elastic_security_searches(path, new_recorder):
    fields, expected = RELATED[path]
    recorder = new_recorder(audit_level="enterprise")
    document = recorder.log(create_event("mcp_authorization_decisions", fields))
    outer, name = path.split(".")
    assert document[outer][name] == expected


def test_a_name_that_is_the_id_is_listed_once(recorder):
    event = create_event(TOOL, {"user_id": "ada", "user_name": "ada", "tool_name": "t"})
    assert recorder.log(event)["related"]["user"] == ["ada"]


def test_the_hash_of_the_arguments_is_related(recorder):
    document = recorder.log(create_event(TOOL, {"tool_name": "t", "arguments": {"a": 1}}))
    assert document["related"]["hash"] == [document["mcp"]["tool"]["arguments"]["hash"]]


def test_every_line_names_its_host_where_elastic_security_looks(recorder):
    recorder.log(create_event(TOOL, {"tool_name": "t"}))
    recorder.close()
    for document in documents(recorder.directory):
        name = document["host"]["name"]
        assert (document["host"]["hostname"], document["related"]["hosts"]) == (name, [name])


@pytest.mark.parametrize("source_ip", ["nobody", ""])
def test_an_invalid_address_is_in_no_network(source_ip, recorder):
    document = recorder.log(create_event(TOOL, {"tool_name": "t"}, source_ip=source_ip))
    assert "source" not in document
    assert "ip" not in document["related"]
    assert "from" not in document["message"]
