"""The format of an audit stream, read back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper import create_tool_execution_event
from shipper.catalog import builtin
from shipper.record.format import (
    CONTROL_EVENTS,
    LINE_START,
    OUTSIDE_THE_HASH,
    Segment,
    canonical,
    first_break,
    iso_timestamp,
    parse_segment_end,
    parse_segment_start,
    segment_named,
    streams_in,
    walk_chain,
)
from shipper.record.seal import GENESIS, seal
from tests.record.recorder import Recorder, lines_of, segments, streams
from tests.record.test_seal import FIELDS, GOLDEN, body_of

CALL = create_tool_execution_event("bob", "query_db", {"limit": 1.0, "é": "\x7f\u2028"}, "ok", 12.5)
TIMES = st.integers(0, 1 << 42).map(lambda micros: iso_timestamp(micros / 1e6))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A stream of several closed segments."""
    recorder = Recorder(tmp_path_factory.mktemp("audit"), max_bytes=5_000)
    for _ in range(15):
        recorder.log(CALL)
    recorder.close()
    return recorder.directory


@pytest.fixture(scope="module")
def stream(directory):
    (lines,) = streams(directory).values()
    return lines


@given(stream=st.text(min_size=1), number=st.integers(1, 10**8))
def test_the_name_of_a_segment_file_gives_its_stream_and_number(stream, number):
    segment = Segment(stream, number)
    assert segment_named(segment.file_name) == segment


@pytest.mark.parametrize("name", ["", "a.jsonl", "a-1.jsonl", "-000001.jsonl", "a-000001.jsonl.gz"])
def test_any_other_name_is_not_a_segment(name):
    assert segment_named(name) is None


def test_streams_come_in_their_order_and_each_ones_segments_by_number(tmp_path):
    numbered = [("b", 1_000_000), ("b", 2), ("a", 999_999), ("a", 1_000_000), ("b", 999_999)]
    for stream, number in numbered:
        (tmp_path / Segment(stream, number).file_name).touch()
    (tmp_path / "other.log").touch()
    found = streams_in(tmp_path)
    assert list(found) == ["a", "b"]
    names = [path.name for path in found["b"]]
    assert names == ["b-000002.jsonl", "b-999999.jsonl", "b-1000000.jsonl"]


def test_each_segment_starts_and_ends_with_its_control_events(directory):
    for path in segments(directory):
        first, *_, last = lines_of(path)
        assert parse_segment_start(first).segment == segment_named(path.name)
        assert parse_segment_end(last).segment == segment_named(path.name)
        assert parse_segment_start(last) is None
        assert parse_segment_end(first) is None


def test_every_line_starts_the_same(stream):
    assert all(line.startswith(LINE_START) for line in stream)


def control_line(action, audit):
    return json.dumps({"event": {"action": action}, "mcp": {"audit": audit}}).encode()


SEGMENT = {"stream": {"id": "s"}, "segment": {"number": 1}}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'{"event":{"action":"audit-segment-start"}}',
        b'{"message":"audit-segment-start audit-segment-end"}',
        control_line("audit-segment-start", {}),
        control_line("audit-segment-start", SEGMENT),
        control_line("audit-segment-start", SEGMENT | {"chain": {"version": 1, "previous": "x"}}),
        control_line("audit-segment-end", SEGMENT),
        b"[" * 100_000 + b"audit-segment-start audit-segment-end",
    ],
)
def test_what_only_mentions_a_control_event_is_not_one(line):
    assert parse_segment_start(line) is None
    assert parse_segment_end(line) is None


def test_the_fields_of_control_events_are_in_the_catalog():
    for event in CONTROL_EVENTS:
        assert {*event.fields} <= builtin().fields.keys()


def test_a_walk_gives_every_line_its_place(stream):
    links = list(walk_chain(stream))
    places = list(range(1, len(stream) + 1))
    assert [link.number for link in links] == places
    assert [link.sequence for link in links] == places


def test_a_walk_can_begin_where_the_first_segments_are_gone(directory):
    left = segments(directory)[1:]
    rest = [line for path in left for line in lines_of(path)]
    assert first_break(rest, parse_segment_start(rest[0]).previous) is None
    assert first_break(rest).number == 1


def test_a_break_has_its_place_and_reason_and_is_found_once(stream):
    changed = stream[3].replace(b"query_db", b"delete__")
    (found,) = (x for x in walk_chain([*stream[:3], changed, *stream[4:]]) if x.finding)
    assert (found.number, found.sequence) == (4, 4)
    assert found.finding == (
        "its hash does not follow from the line before: one of the two was changed"
    )


def test_missing_lines_show_as_a_gap_of_the_sequence(stream):
    (found,) = (x for x in walk_chain([*stream[:3], *stream[5:]]) if x.finding)
    assert (found.number, found.sequence) == (4, 6)
    assert found.finding == "its sequence is 6, and that of the line before is 3"


@pytest.mark.parametrize("line", [b"", b"{}", seal(b'{"event":{}}', GENESIS)[0], b"\xff"])
def test_a_line_that_is_not_a_sealed_event_is_a_break(line, stream):
    found = first_break([*stream[:2], line, *stream[2:]])
    assert (found.number, found.finding) == (3, "it is not a sealed event")


@given(fields=FIELDS, time=TIMES)
def test_a_document_gives_the_line_that_was_written(fields, time):
    line, _ = seal(body_of(fields, duration_ms=12.5), GENESIS)
    line = line.replace(b"2026-11-24T10:11:12.131415Z", time.encode())
    assert canonical(json.loads(line)) == line


def as_logstash_writes_it(node):
    """Members in another order; floats as Java spells them."""
    if isinstance(node, dict):
        items = ((json.dumps(key), as_logstash_writes_it(node[key])) for key in reversed(node))
        return "{" + ",".join(f"{key}: {value}" for key, value in items) + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(as_logstash_writes_it, node)) + "]"
    if isinstance(node, float):
        return f"{node:.16E}"
    return json.dumps(node)


@given(fields=FIELDS, time=TIMES)
def test_a_document_that_logstash_wrote_gives_the_line_again(fields, time):
    line, _ = seal(body_of(fields), GENESIS)
    line = line.replace(b"2026-11-24T10:11:12.131415Z", time.encode())
    document = json.loads(line)
    document["@timestamp"] = time.rstrip("0Z").rstrip(".") + "Z" if "." in time else time
    document["@version"] = "1"
    document["tags"] = ["beats"]
    document["event"]["ingested"] = "2026-11-24T10:11:13Z"
    assert canonical(json.loads(as_logstash_writes_it(document))) == line


@pytest.mark.parametrize("document", [{}, {"event": "x"}, {"event": {"id": "x"}}])
def test_a_document_without_a_hash_has_no_line(document):
    with pytest.raises(ValueError, match=r"no event\.hash"):
        canonical(document)


def test_no_field_that_an_event_may_carry_lies_outside_the_hash():
    catalog = builtin()
    for path in {path for name in catalog.event_types for path in catalog.fields_of(name)}:
        assert path not in OUTSIDE_THE_HASH
        assert path.partition(".")[0] not in OUTSIDE_THE_HASH


def test_the_golden_line_is_canonical():
    line = GOLDEN.read_bytes().rstrip(b"\n")
    assert canonical(json.loads(line)) == line
