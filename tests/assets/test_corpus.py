"""One call gives one document, whichever program records it and whichever pipeline processes it."""

import json
import re

import pytest

from shipper.assets.generate.files import build
from shipper.catalog import Scope, builtin
from tests.assets.corpus import (
    ADDED,
    ONLY_OURS,
    SHIM,
    by_handler,
    by_ruby,
    cases,
    flat,
)
from tests.real.ruby import run_ruby

CALLS = cases("calls")
GATEWAYS = cases("gateways")


def names(corpus):
    return [case["name"] for case in corpus]


def without(document, paths):
    return {path: value for path, value in flat(document).items() if path not in paths}


@pytest.fixture(scope="module")
def handled(tmp_path_factory):
    messages = [case["message"] for case in CALLS]
    return by_handler(messages, tmp_path_factory.mktemp("handler"))


@pytest.fixture(scope="module")
def translated(ruby, tmp_path_factory):
    messages = [case["message"] for case in CALLS]
    return by_ruby(ruby, messages, tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def from_gateways(ruby, tmp_path_factory):
    events = [case["event"] for case in GATEWAYS]
    return by_ruby(ruby, events, tmp_path_factory.mktemp("gateways"))


@pytest.mark.parametrize("at", range(len(CALLS)), ids=names(CALLS))
def test_the_handler_writes_the_document_of_the_corpus(handled, at):
    assert len(handled) == len(CALLS)
    assert without(handled[at], ONLY_OURS) == CALLS[at]["expected"]


@pytest.mark.parametrize("at", range(len(CALLS)), ids=names(CALLS))
def test_logstash_makes_the_same_document_of_the_message(translated, at):
    assert len(translated) == len(CALLS)
    assert without(translated[at]["event"], ADDED | ONLY_OURS) == CALLS[at]["expected"]


@pytest.mark.parametrize("at", range(len(GATEWAYS)), ids=names(GATEWAYS))
def test_logstash_makes_an_event_of_a_gateways_line(from_gateways, at):
    assert len(from_gateways) == len(GATEWAYS)
    found = without(from_gateways[at]["event"], {"@version", "event.id"})
    assert found == GATEWAYS[at]["expected"]


def test_no_planted_secret_is_in_any_document(handled, translated, from_gateways):
    for documents in (handled, translated, from_gateways):
        text = json.dumps(documents)
        assert "planted" not in text
        assert "pl4nted" not in text
        assert not re.search("4111[ -]?1111", text)  # of a card; a hash may hold four digits of it


def test_the_tests_inside_the_script_pass(ruby, tmp_path):
    script = tmp_path / "mcp_normalise.rb"
    [content] = [c for path, c in build(builtin(), Scope()).items() if path.suffix == ".rb"]
    script.write_bytes(content)
    done = run_ruby(ruby, SHIM, script, "test")
    assert done.stdout.splitlines() == [b"6 tests"]
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_failing_test_inside_the_script_is_reported(ruby, tmp_path):
    script = tmp_path / "broken.rb"
    [content] = [c for path, c in build(builtin(), Scope()).items() if path.suffix == ".rb"]
    script.write_bytes(content.replace(b'"[SECRET]"', b"item"))
    assert run_ruby(ruby, SHIM, script, "test").returncode == 1


OURS = {
    "@timestamp": "2026-11-24T08:30:00.123456Z",
    "data_stream": {"type": "logs", "dataset": "mcp.tools", "namespace": "acme"},
    "event": {"id": "stream-1-7", "hash": "ab" * 32, "sequence": 7},
    "mcp": {"audit": {"type": "mcp_tool_execution", "stream": {"id": "stream-1"}}},
    "gen_ai": {"tool": {"name": "password: planted", "call": {"arguments": {"a[b]": [1.5, None]}}}},
}


@pytest.mark.parametrize("form", ["object", "text"])
def test_a_line_of_the_handler_passes_untouched(ruby, tmp_path, form):
    event = OURS if form == "object" else {"message": json.dumps(OURS)}
    [result] = by_ruby(ruby, [event], tmp_path)
    result["event"].pop("@version")
    assert result == {"event": OURS, "metadata": {}}


@pytest.mark.parametrize(
    ("event", "tag"),
    [
        ({"message": '{"jsonrpc": "2.0", "params": {"password": "planted-1'}, "mcp_broken"),
        ({"message": "{}{}"}, "mcp_broken"),
        ({"message": "Server started, token=planted-1"}, "mcp_unrecognised"),
        ({"level": "info", "auth": {"password": "planted-1"}}, "mcp_unrecognised"),
        ({"message": None}, "mcp_unrecognised"),
        ({"message": '{"jsonrpc":"2.0","id":1}'}, "mcp_unrecognised"),
        ({"message": ["planted-1", 2]}, "mcp_unrecognised"),
    ],
)
def test_an_unreadable_line_is_tagged_and_kept_masked(ruby, tmp_path, event, tag):
    [result] = by_ruby(ruby, [event], tmp_path)
    assert result["event"]["tags"] == [tag]
    assert result["event"]["message"]
    if "message" not in event or not isinstance(event["message"], list):
        assert "planted" not in json.dumps(result)


def test_an_event_of_another_beat_passes_untouched(ruby, tmp_path):
    event = {
        "@timestamp": "2026-11-24T08:30:00.000000Z",
        "message": "GET / password=hers",
        "data_stream": {"type": "logs", "dataset": "nginx.access", "namespace": "default"},
    }
    [result] = by_ruby(ruby, [event], tmp_path)
    assert result["event"] == {**event, "@version": "1"}


@pytest.mark.parametrize("method", ["ping", "notifications/progress", "notifications/initialized"])
def test_a_message_that_only_shows_that_a_peer_is_alive_is_marked_to_be_dropped(
    ruby, tmp_path, method
):
    [result] = by_ruby(ruby, [{"jsonrpc": "2.0", "method": method}], tmp_path)
    assert result["metadata"] == {"mcp_silent": True}


CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "a"}}
PLACED = {"log": {"file": {"path": "/var/log/a.log"}, "offset": 120}, "host": {"name": "h"}}


def ids(ruby, tmp_path, *events):
    return [row["event"]["event"].get("id") for row in by_ruby(ruby, events, tmp_path)]


def test_the_same_line_has_the_same_id_and_its_place_or_time_distinguishes_it(ruby, tmp_path):
    line = {"message": json.dumps(CALL), **PLACED}
    later = {**line, "log": {**PLACED["log"], "offset": 240}}
    timed = {**CALL, "timestamp": "2026-11-24T08:30:00Z"}
    first, again, third, fourth, fifth = ids(ruby, tmp_path, line, line, later, timed, timed)
    assert first == again != third
    assert fourth == fifth


def test_a_line_without_place_or_time_has_no_id_because_it_may_occur_twice(ruby, tmp_path):
    assert ids(ruby, tmp_path, CALL) == [None]


def test_the_origin_of_a_line_is_kept_beside_the_event(ruby, tmp_path):
    event = {**CALL, **PLACED, "agent": {"name": "filebeat"}, "tags": ["edge"], "secret": "planted"}
    [result] = by_ruby(ruby, [event], tmp_path)
    found = result["event"]
    assert found["log"] == {**PLACED["log"], "level": "info"}
    assert (found["agent"], found["tags"]) == ({"name": "filebeat"}, ["edge"])
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize(
    "event",
    [
        {"jsonrpc": "2.0", "method": "tools/call", "params": None},
        {"jsonrpc": "2.0", "method": "tools/call", "params": [1, 2]},
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": 7, "arguments": "x"}},
        {"jsonrpc": "2.0", "method": "", "id": None},
        {"jsonrpc": "2.0", "id": {"a": 1}, "result": {"content": "x"}},
        {"jsonrpc": "2.0", "id": 1, "result": {"content": [1, None, {"text": 5}]}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": "x", "message": {"a": 1}}},
        {**CALL, "timestamp": "yesterday", "client_ip": "nobody", "duration_ms": "fast"},
        {**CALL, "user_id": {"a": 1}, "session_id": ["x"], "host": "h", "log": 5, "event": "x"},
        {**CALL, "params": {"name": "a", "arguments": {"": 1, "a.b": {"c[d]": 2}, "e" * 500: 3}}},
        {
            **CALL,
            "params": {"name": "a", "arguments": {"n": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}},
        },
        {
            **CALL,
            "params": {"name": "a", "arguments": {"big": 10**30, "f": 1e308, "neg": -(2**63)}},
        },
        {**CALL, "params": {"name": "a", "arguments": {str(n): n for n in range(3000)}}},
        {"type": "mcp_tool_call", "loggedAt": 5, "outcome": "success", "target": [], "subjects": 1},
        {"mcp.method.name": "tools/call", "http.status": "x", "src.addr": "[2001:db8::1]:443"},
        {"action": "X", "resource_type": "y", "user_id": 7, "details": "no object"},
    ],
)
def test_every_message_becomes_an_event(ruby, tmp_path, event):
    [result] = by_ruby(ruby, [event], tmp_path)
    assert result["event"].get("tags", ["mcp_untimed"]) == ["mcp_untimed"]
    assert result["event"]["data_stream"]["dataset"] in {
        row.dataset for row in builtin().event_types.values()
    }
