"""The operator's rules decide how much of arguments and results is recorded."""

import hashlib
import json

import pytest

from shipper.catalog import overlaid
from shipper.errors import CatalogError
from shipper.record.event import create_event
from tests.record.recorder import Recorder

ARGUMENTS = {"customer": {"id": "c-1042", "password": "hunter2"}, "tags": ["a"]}


def call(tool="get_customer", result="c-1042 is Ann"):
    fields = {"tool_name": tool, "arguments": ARGUMENTS, "result": result}
    return create_event("mcp_tool_execution", fields)


@pytest.fixture
def recorded(tmp_path):
    def record(event, *rules):
        recorder = Recorder(tmp_path, catalog={"payloads": list(rules)})
        try:
            return recorder.log(event)
        finally:
            recorder.close()

    return record


def test_without_a_rule_a_payload_is_recorded_masked(recorded):
    document = recorded(call())
    assert document["gen_ai"]["tool"]["call"]["arguments"]["customer"]["id"] == "c-1042"
    assert "payloads" not in document["mcp"]["audit"]


def test_the_level_none_records_nothing_of_a_payload(recorded):
    document = recorded(call(), {"arguments": "none", "results": "none"})
    text = json.dumps(document)
    assert "c-1042" not in text
    assert "Ann" not in text
    assert "hash" not in document["mcp"]["tool"].get("arguments", {})
    assert document["mcp"]["tool"]["result"]["size"] == len("c-1042 is Ann")
    assert document["mcp"]["audit"]["payloads"] == ["arguments:none", "results:none"]


def test_names_records_the_names_of_arguments_and_no_value(recorded):
    document = recorded(call(), {"arguments": "names"})
    hidden = {"customer": {"id": "[HIDDEN]", "password": "[HIDDEN]"}, "tags": "[HIDDEN]"}
    assert document["gen_ai"]["tool"]["call"]["arguments"] == hidden
    assert document["mcp"]["tool"]["result"]["text"] == "c-1042 is Ann"


def test_a_secret_of_hidden_arguments_is_masked_in_the_result(recorded):
    document = recorded(call(result="hunter2 is wrong"), {"arguments": "names"})
    assert document["mcp"]["tool"]["result"]["text"] == "[SECRET] is wrong"


def test_full_hash_records_the_digest_of_the_complete_payload(recorded):
    result = "x" * 5000
    document = recorded(call(result=result), {"arguments": "full-hash", "results": "full-hash"})
    compact = json.dumps(ARGUMENTS, sort_keys=True, separators=(",", ":"))
    assert document["mcp"]["tool"]["arguments"] == {
        "hash": hashlib.sha256(compact.encode()).hexdigest()
    }
    assert document["mcp"]["tool"]["result"]["hash"] == hashlib.sha256(result.encode()).hexdigest()
    assert "xxx" not in json.dumps(document)


def test_the_digest_of_arguments_that_are_no_json_is_that_of_their_recorded_form(recorded):
    event = create_event("mcp_tool_execution", {"tool_name": "t", "arguments": {"a": object}})
    document = recorded(event, {"arguments": "full-hash"})
    assert len(document["mcp"]["tool"]["arguments"]["hash"]) == 64


def test_the_first_rule_that_fits_type_and_tool_decides(recorded):
    rules = [
        {"event_types": ["mcp_prompt_request"], "arguments": "none"},
        {"tools": ["read_*", "get_customer"], "arguments": "names"},
        {"arguments": "none"},
    ]
    document = recorded(call(), *rules)
    assert document["mcp"]["audit"]["payloads"] == ["arguments:names"]


@pytest.mark.parametrize(
    ("payloads", "problem"),
    [
        ([{"arguments": "some"}], "'some'"),
        ([{"argument": "none"}], "arguments"),
        ([{"event_types": ["mcp_tools"]}], "unknown event type 'mcp_tools' in rule 1"),
        ({"arguments": "none"}, "expected a list of rules"),
    ],
)
def test_a_wrong_rule_is_a_problem_of_the_catalog(payloads, problem):
    with pytest.raises(CatalogError, match=problem):
        overlaid({"payloads": payloads})
