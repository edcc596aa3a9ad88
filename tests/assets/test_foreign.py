"""Logstash's script turns every foreign line into one event without secrets."""

import json
from hashlib import sha256

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.assets.corpus import by_ruby
from tests.assets.foreign import LINES, PLANTED, leaks

#: The form of a line of the handler.
SEALED = {
    "mcp": {"audit": {"type": "mcp_tool_execution", "stream": {"id": "a"}}},
    "event": {"id": "a-1", "sequence": 1, "hash": "0" * 64},
}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
FRACTIONS = [0.1, 1e-4, 1e-5, 1.5e-5, 1e-6, 1e-7, 123456.789, 1e15, 1e16, 1.5e16, 1e300, -0.0, 5.0]


@settings(max_examples=25)
@given(lines=st.lists(LINES, max_size=12))
def test_every_line_becomes_one_event(ruby, tmp_path_factory, lines):
    results = by_ruby(ruby, lines, tmp_path_factory.mktemp("lines"))
    assert len(results) == len(lines)
    for result in results:
        event = result["event"]
        is_event = isinstance(event.get("data_stream"), dict) and "dataset" in event["data_stream"]
        is_kept = bool({"mcp_broken", "mcp_unrecognised"}.intersection(event.get("tags", ())))
        assert is_event or (is_kept and "message" in event) or result["metadata"]["mcp_silent"]


def test_no_planted_secret_is_left_wherever_it_stands(ruby, tmp_path):
    assert leaks(by_ruby(ruby, PLANTED, tmp_path)) == []


def test_fractions_are_hashed_as_the_handler_writes_them(ruby, tmp_path):
    calls = [{**CALL, "params": {"name": "a", "arguments": {"n": n}}} for n in FRACTIONS]
    for number, result in zip(FRACTIONS, by_ruby(ruby, calls, tmp_path), strict=True):
        hashed = result["event"]["mcp"]["tool"]["arguments"]["hash"]
        assert hashed == sha256(msgspec.json.encode({"n": number})).hexdigest(), number


def test_a_huge_line_is_kept_to_a_bound_with_its_size_and_digest(ruby, tmp_path):
    text = "password=hunter2 " * 600_000
    [result] = by_ruby(ruby, [{"message": text}], tmp_path)
    kept = result["event"]["message"]
    digest = sha256(text.encode()).hexdigest()[:16]
    assert kept.endswith(f"…[CUT {len(text)} characters, sha256 {digest}]")
    assert len(kept) < 4_100
    assert "hunter" not in kept


def test_fields_beside_an_unreadable_text_are_kept(ruby, tmp_path):
    [result] = by_ruby(ruby, [{"message": "started", "worker": 7, "token": "planted"}], tmp_path)
    assert json.loads(result["event"]["message"]) == {
        "message": "started",
        "token": "[SECRET]",
        "worker": 7,
    }


def test_tags_of_another_kind_become_texts_because_plugins_add_to_them(ruby, tmp_path):
    lines = [{"message": "x", "tags": tags} for tags in ("a", 12.5, {"b": 1}, ["c", 3], None)]
    found = [row["event"]["tags"] for row in by_ruby(ruby, lines, tmp_path)]
    assert found == [
        ["a", "mcp_unrecognised"],
        ["12.5", "mcp_unrecognised"],
        ['{"b":1}', "mcp_unrecognised"],
        ["c", "3", "mcp_unrecognised"],
        ["mcp_unrecognised"],
    ]


def test_a_line_cannot_cause_its_own_drop(ruby, tmp_path):
    forged = {**SEALED, "@metadata": {"mcp_silent": True}}
    for result in by_ruby(ruby, [forged, {"message": json.dumps(forged)}], tmp_path):
        assert result["metadata"] == {}
        assert result["event"]["event"]["id"] == "a-1"


def test_a_data_stream_that_is_not_an_object_is_kept_under_another_name(ruby, tmp_path):
    results = by_ruby(ruby, [{"x": 1, "data_stream": one} for one in (False, 5, "x")], tmp_path)
    for result, was in zip(results, ("false", "5", '"x"'), strict=True):
        assert "data_stream" not in result["event"]
        assert "mcp_unrouted" in result["event"]["tags"]
        assert result["event"]["data_stream_was"] == was
