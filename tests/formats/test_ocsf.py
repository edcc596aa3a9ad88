"""OCSF by its own published schema, with every class and profile that the encoder uses."""

import json
from functools import cache

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from shipper.catalog import MCPEventType, builtin
from shipper.formats.fields import table
from shipper.formats.ocsf import ocsf

VERSION = table("ocsf")["version"]


@cache
def validator(uid, profiles):
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(VERSION))
    found = schema.get_class_schema(schema.lookup_class_name_from_uid(uid), list(profiles))
    return jsonschema.Draft202012Validator(found)


def faults(event):
    check = validator(event["class_uid"], tuple(event["metadata"]["profiles"]))
    return [f"{error.json_path}: {error.message}" for error in check.iter_errors(event)]


def encoded(**event):
    return json.loads(ocsf(json.dumps(event).encode()))


def test_every_line_of_every_event_type_is_valid(lines):
    assert {fault for line in lines for fault in faults(json.loads(ocsf(line)))} == set()


@pytest.mark.parametrize("kind", [*MCPEventType, "custom", None])
def test_an_event_with_nothing_but_its_type_is_valid(kind):
    assert faults(encoded(mcp={"audit": {"type": kind}})) == []


def test_every_event_type_has_a_class_and_every_row_a_field_of_the_catalog():
    rows = table("ocsf")
    assert set(rows["types"]) == set(MCPEventType)
    places = [rows["fields"], *rows["of_class"].values()]
    fields = [
        row if isinstance(row, str) else row["field"] for one in places for row in one.values()
    ]
    assert set(fields) <= set(builtin().fields)


def test_no_value_of_a_line_is_left_out():
    event = encoded(
        mcp={"audit": {"type": "mcp_tool_execution"}, "new": {"field": [1, {"a": 2}]}},
        source={"ip": "no address", "port": 70_000},
        event={"hash": "ab" * 32},
    )
    unmapped = event["unmapped"]
    assert unmapped["mcp.new.field"] == [1, {"a": 2}]
    assert unmapped["source.ip"] == "no address"
    assert unmapped["source.port"] == 70_000
    assert unmapped["event.hash"] == "ab" * 32
    assert faults(event) == []


def test_a_denied_request_is_denied_and_an_allowed_one_allowed():
    for word, number in (("denied", 2), ("allowed", 1)):
        event = encoded(
            mcp={"audit": {"type": "mcp_authorization_decisions"}},
            event={"type": ["access", word], "outcome": "failure"},
        )
        assert (event["action_id"], event["disposition_id"], event["status_id"]) == (
            number,
            number,
            2,
        )
        assert faults(event) == []


def test_a_line_that_is_no_event_is_a_base_event_that_holds_it():
    event = encoded(level="warn", user={"id": 7})
    assert (event["class_uid"], event["type_uid"], event["time"]) == (0, 0, 0)
    assert event["unmapped"] == {"level": "warn"}
    assert event["actor"] == {"user": {"uid": "7"}}
    assert faults(event) == []


PATHS = sorted(builtin().fields)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*MCPEventType]), st.dictionaries(st.sampled_from(PATHS), VALUES, max_size=6)
)
@example(MCPEventType.TOOL_EXECUTION, {"http.request.method": "BREW"})
def test_any_values_in_the_fields_give_a_valid_event(kind, values):
    event = {"mcp.audit.type": kind, **{k: v for k, v in values.items() if k != "mcp.audit.type"}}
    assert faults(json.loads(ocsf(json.dumps(event).encode()))) == []
