"""The bulk API as bytes: the destination and id of a line, and its result in the answer."""

import json
import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.errors import ProtocolError
from shipper.wire.bulk import (
    ActionEncoder,
    Error,
    Item,
    body,
    month_of,
    read_failure,
    read_response,
)

STREAM = {"type": "logs", "dataset": "mcp.tools", "namespace": "default"}
TEXT = st.text('aé"\\\n', max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def action(line):
    """The action of one line, as an object."""
    data = line if isinstance(line, bytes) else json.dumps(line).encode()
    (found,) = ActionEncoder("logs-generic-default").actions(data + b"\n")
    return json.loads(found)["create"]


def test_a_request_has_these_bytes():
    line = (
        b'{"data_stream":{"type":"logs","dataset":"mcp.tools","namespace":"default"},'
        b'"event":{"id":"a-1"}}\n'
    )
    other = b'{"message":"caf\xc3\xa9"}\n'
    actions = ActionEncoder("logs-generic-default").actions(line + other)
    assert body(actions, [memoryview(line), memoryview(other)]) == (
        b'{"create":{"_index":"logs-mcp.tools-default","_id":"a-1"}}\n'
        + line
        + b'{"create":{"_index":"logs-generic-default"}}\n'
        + other
    )


@pytest.mark.parametrize(
    ("line", "index"),
    [
        ({"data_stream": STREAM}, "logs-mcp.tools-default"),
        ({"data_stream": {"dataset": "mcp.auth"}}, "logs-mcp.auth-default"),
        ({"data_stream": {**STREAM, "namespace": "team_a"}}, "logs-mcp.tools-team_a"),
        ({}, "logs-generic-default"),
        ({"data_stream": None}, "logs-generic-default"),
        ({"data_stream": "logs"}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "dataset": 5}}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "dataset": ""}}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "dataset": "Upper"}}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "dataset": "a-b"}}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "dataset": "*"}}, "logs-generic-default"),
        (
            {"data_stream": {**STREAM, "type": "<logs", "namespace": "{now}>"}},
            "logs-generic-default",
        ),
        ({"data_stream": {**STREAM, "type": ".kibana"}}, "logs-generic-default"),
        ({"data_stream": {**STREAM, "namespace": "x" * 101}}, "logs-generic-default"),
    ],
)
def test_a_line_goes_to_the_stream_that_it_names_if_the_name_is_sound(line, index):
    assert action(line)["_index"] == index


@pytest.mark.parametrize(
    ("ident", "expected"),
    [
        ("a-1", "a-1"),
        ('quote " and \\ and \n', 'quote " and \\ and \n'),
        ("é" * 256, "é" * 256),
        ("x" * 512, "x" * 512),
        ("x" * 513, None),
        ("é" * 257, None),
        ("", None),
        (5, None),
        (None, None),
        (["a"], None),
    ],
)
def test_the_event_id_is_the_document_id_if_elasticsearch_takes_it(ident, expected):
    assert action({"event": {"id": ident}}).get("_id") == expected


def test_an_odd_stream_does_not_cost_the_id_nor_the_other_way_round():
    odd_stream = action({"data_stream": 1, "event": {"id": "a"}})
    odd_event = action({"data_stream": STREAM, "event": "x"})
    assert odd_stream == {"_index": "logs-generic-default", "_id": "a"}
    assert odd_event == {"_index": "logs-mcp.tools-default"}


def test_a_carriage_return_within_an_odd_line_makes_no_second_line_of_it():
    assert action(b'{"data_stream":1,"event":{\r"id":"a"}}')["_id"] == "a"


def test_one_odd_line_changes_nothing_for_its_neighbours():
    lines = [{"event": {"id": "a"}}, {"event": 3}, {"event": {"id": "c"}}]
    block = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    found = [json.loads(one)["create"].get("_id") for one in ActionEncoder("i").actions(block)]
    assert found == ["a", None, "c"]


def test_streams_of_strangers_do_not_fill_the_memory():
    encoder = ActionEncoder("i")
    for n in range(3000):
        (found,) = encoder.actions(b'{"data_stream":{"dataset":"d%d"}}\n' % n)
        assert json.loads(found) == {"create": {"_index": f"logs-d{n}-default"}}
    assert len(encoder._heads) <= 1000


@given(st.dictionaries(st.sampled_from(["data_stream", "event", "x"]), JSON, max_size=3))
def test_no_shape_of_a_line_stops_the_routing(line):
    assert set(action(line)) <= {"_index", "_id"}


def test_an_answer_is_one_item_a_line():
    data = (
        b'{"took":1,"errors":true,"items":[{"create":{"status":201,"failure_store":"used"}},'
        b'{"create":{"status":400,"error":{"type":"t","reason":"r","caused_by":{}}}}]}'
    )
    assert read_response(data, 2) == [
        Item(201, None, "used"),
        Item(400, Error("t", "r")),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"<html>",
        b'{"items":[]}',
        b'{"items":[{"create":{"status":201}},{"create":{"status":201}}]}',
        b'{"items":[{"create":{}}]}',
        b'{"items":[{"index":{"status":201}}]}',
        b'{"items":[{"create":{"status":"201"}}]}',
        b'{"items":[{"create":{"status":201}}]',
        b'{"errors":false}',
    ],
)
def test_what_is_not_exactly_an_answer_is_never_a_success(data):
    with pytest.raises(ProtocolError):
        read_response(data, 1)


@given(st.binary(max_size=100))
def test_garbage_is_no_answer(data):
    with pytest.raises(ProtocolError):
        read_response(data, 1)
    assert isinstance(read_failure(data), str)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"error":{"type":"t","reason":"r","root_cause":[]},"status":400}', "t: r"),
        (b'{"error":"no handler"}', "no handler"),
        (b"<html>", ""),
    ],
)
def test_a_failed_request_is_told_in_the_servers_words(data, said):
    assert read_failure(data) == said


INDICES = {"mcp.tools": "mcp-tools", "mcp.auth": "mcp-auth"}
NOVEMBER = "2026-11-24T10:00:00.000Z"


def targets(encoder, *lines):
    """The destinations of the lines, with their conditions."""
    block = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return [json.loads(found)["create"] for found in encoder.actions(block)]


def test_lines_of_a_dataset_go_to_its_alias_and_to_nothing_else_of_that_name():
    encoder = ActionEncoder("logs-generic-default", INDICES)
    other = {"data_stream": {**STREAM, "dataset": "nginx.access"}}
    metrics = {"data_stream": {**STREAM, "type": "metrics"}}
    named = {"data_stream": STREAM, "event": {"id": "a-1"}}
    assert targets(encoder, named, other, metrics, {}) == [
        {"_index": "mcp-tools", "require_alias": True, "_id": "a-1"},
        {"_index": "logs-nginx.access-default"},
        {"_index": "metrics-mcp.tools-default"},
        {"_index": "logs-generic-default"},
    ]


@pytest.mark.parametrize("odd", [{}, {"event": 5}, {"x": 1}])
def test_lines_of_a_dataset_go_to_the_index_of_their_own_month(odd):
    encoder = ActionEncoder("logs-generic-default", INDICES, is_monthly=True)
    auth = {"data_stream": {"dataset": "mcp.auth"}, "@timestamp": "2027-01-01T00:30:00+01:00"}
    tools = {"data_stream": STREAM, "event": {"id": "a-1"}, "@timestamp": NOVEMBER}
    assert targets(encoder, tools, auth, tools, {**odd, "@timestamp": 5})[:3] == [
        {"_index": "mcp-tools-2026-11", "_id": "a-1"},
        {"_index": "mcp-auth-2026-12"},
        {"_index": "mcp-tools-2026-11", "_id": "a-1"},
    ]


def test_a_line_without_a_month_or_of_another_dataset_goes_where_it_would_without_months():
    encoder = ActionEncoder("logs-generic-default", INDICES, is_monthly=True)
    undated = [{"data_stream": STREAM, "@timestamp": at} for at in ("soon", None, 5, "2026-13-01")]
    other = {"data_stream": {"dataset": "nginx.access"}, "@timestamp": NOVEMBER}
    assert targets(encoder, *undated, other, {"@timestamp": NOVEMBER}) == [
        *[{"_index": "logs-generic-default"}] * 4,
        {"_index": "logs-nginx.access-default"},
        {"_index": "logs-generic-default"},
    ]


@given(st.datetimes(timezones=st.timezones()).filter(lambda at: 1 < at.year < 9999))
def test_a_month_is_that_of_the_moment_in_utc(moment):
    written = moment.isoformat()
    assert month_of(written) == f"{moment.astimezone(UTC):%Y-%m}"


@given(st.text("0123456789-T:.Z+", max_size=30) | st.text(max_size=20))
def test_no_text_breaks_the_reading_of_a_month(text):
    month = month_of(text)
    assert month is None or re.fullmatch(r"[0-9]{1,4}-[0-9]{2}", month)
