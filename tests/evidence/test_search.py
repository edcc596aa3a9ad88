"""Search: what is found on disk, in which order, and what cannot be asked."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from shipper import (
    create_authentication_event,
    create_resource_access_event,
    create_tool_execution_event,
    process,
)
from shipper.catalog import builtin
from shipper.cli import main
from shipper.evidence.query import BadQuery, query_of, time_of
from shipper.evidence.search import search
from tests.record.recorder import Recorder, segments

CATALOG = builtin()


@pytest.fixture
def audit(tmp_path):
    recorder = Recorder(tmp_path / "audit", max_bytes=9_000)
    for number in range(40):
        recorder.log(create_tool_execution_event("bob", f'to"ol{number % 4}', {"n": number}, "ok"))
    recorder.log(create_authentication_event("eve", "oauth2", "device", success=False))
    recorder.log(create_resource_access_event("zoë", "file:///a b", "read"))
    recorder.close()
    return tmp_path / "audit"


def found(audit, text, **times):
    return list(search([audit], query_of(text, CATALOG, **times)))


def by_hand(audit, holds):
    lines = [line for path in segments(audit) for line in path.read_bytes().splitlines()]
    return [line for line in lines if holds(json.loads(line))]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", lambda _: True),
        ("user.id: bob", lambda e: e.get("user", {}).get("id") == "bob"),
        ("user.id: zoë", lambda e: e.get("user", {}).get("id") == "zoë"),
        ("user.id: (eve or zoë)", lambda e: e.get("user", {}).get("id") in ("eve", "zoë")),
        ("not user.id: bob", lambda e: e.get("user", {}).get("id") != "bob"),
        ("user.id: *", lambda e: "user" in e),
        ("event.action: tool-*", lambda e: e["event"]["action"].startswith("tool-")),
        ('gen_ai.tool.name: "to\\"ol2"', lambda e: "to'ol2" in str(e).replace('"', "'")),
        ("gen_ai.tool.call.arguments.n: 7", lambda e: "'n': 7}" in str(e)),
        ("event.sequence: 7", lambda e: e["event"]["sequence"] == 7),
        (
            "event.sequence > 7 and user.id: bob",
            lambda e: e["event"]["sequence"] > 7 and "bob" in str(e),
        ),
        (
            "user.id: eve or user.id: zoë or event.sequence: 7",
            lambda e: e["event"]["sequence"] == 7 or e.get("user", {}).get("id") in ("eve", "zoë"),
        ),
        (
            "(user.id: bob or user.id: eve) and event.outcome: failure",
            lambda e: e["event"]["outcome"] == "failure" and e["user"]["id"] == "eve",
        ),
        (
            "(user.id: nobody or user.id: zoë) and not event.outcome: failure",
            lambda e: e["event"]["outcome"] != "failure" and "zoë" in str(e),
        ),
        ("mcp.audit.frameworks: sox", lambda _: False),
    ],
)
def test_a_query_finds_the_lines_that_a_reader_finds(audit, text, holds):
    expected = by_hand(audit, holds)
    assert found(audit, text) == expected
    assert expected or "sox" in text


def test_a_copy_of_a_segment_is_not_found_twice(audit):
    path = segments(audit)[0]
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert found(audit, "") == by_hand(audit, lambda _: True)
    path.unlink()
    archived = [line for line in found(audit, "") if line not in by_hand(audit, lambda _: True)]
    assert archived


def test_only_events_in_the_range_of_time_are_found(audit):
    lines = by_hand(audit, lambda _: True)
    middle = json.loads(lines[20])["@timestamp"]
    since = found(audit, "", since=time_of(middle))
    until = found(audit, "", until=time_of(middle))
    assert until + since == lines
    assert since[0] >= lines[20]


def test_segments_far_outside_the_range_of_time_are_not_read(audit):
    for path in segments(audit)[1:-1]:
        first, *_, last = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(first + b"garbage\n" * 9 + last)
    now = datetime.now(UTC)
    assert found(audit, "", since=now + timedelta(hours=2)) == []
    assert found(audit, "", until=now - timedelta(hours=2)) == []


def test_the_first_hit_comes_before_the_rest_is_read(audit):
    *_, last = segments(audit)
    last.with_name(last.name.replace("-0", "-9")).write_bytes(b"\x1f\x8bgarbage")
    hits = search([audit], query_of("user.id: bob", CATALOG))
    assert len(list(islice(hits, 3))) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bob", "needs a field"),
        ("user.idd: bob", "did you mean user.id?"),
        ("user.id: (bob", "cannot be read"),
        ("@timestamp > 2026", "give times with since"),
        ("user.id > 7", "only numbers"),
        ("message: hello", "is a text"),
        ("source.ip: 10.0.0.0/8", "not a network"),
        ("source.ip: 10.*", "a wildcard stands alone"),
        ("event.sequence: x", "whole number"),
        (
            "gen_ai.tool.call.arguments: * and gen_ai.tool.call.arguments.n: 7",
            "cannot be in one query",
        ),
    ],
)
def test_a_query_that_would_mean_two_things_is_refused_with_the_reason(text, why):
    with pytest.raises(BadQuery, match=why.replace("?", r"\?")):
        query_of(text, CATALOG)


def test_the_command_prints_the_lines_and_is_recorded(audit, tmp_path, capfdbinary):
    config = tmp_path / "mcp-shipper.yml"
    config.write_text(f"path.home: {tmp_path}\n")
    assert main(["search", "-c", str(config), "user.id: bob", "--limit", "3"]) == 0
    assert capfdbinary.readouterr().out.splitlines() == found(audit, "user.id: bob")[:3]
    [event] = [
        json.loads(line)
        for path in segments(tmp_path / "data" / "audit")
        for line in path.read_bytes().splitlines()
        if b"audit-search" in line
    ]
    assert event["mcp"]["compliance"]["details"]["query"] == "user.id: bob"
    assert event["mcp"]["compliance"]["records"] == 3


def test_process_answers_with_events_and_states_whether_there_are_more(audit, tmp_path):
    config = {"path": {"home": str(tmp_path)}}
    context = {"operation": "search_audit_events", "query": "user.id: bob", "limit": 5}
    answer = process(context, config)
    assert answer["success"]
    assert answer["events"] == [json.loads(line) for line in found(audit, "user.id: bob")[:5]]
    assert (answer["count"], answer["is_complete"]) == (5, False)
    assert process({**context, "limit": 50}, config)["is_complete"]
    for wrong in ({"query": "bob"}, {"query": 7}, {"limit": 0}, {"since": "yesterday"}):
        assert not process({**context, **wrong}, config)["success"]
