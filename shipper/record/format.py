"""The format of an audit stream, for its writer and for its readers.

A stream is a series of segment files `<stream>-<n>.jsonl`. Each line is one event: JSON with
sorted members, but `event` last, and sealed to the line before (`seal.py`). `event.sequence`
counts the lines through the stream, from 1. A stream also writes events about itself, the control
events: each segment starts with one, and a segment that was closed ends with one.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from shipper.record.seal import GENESIS, follows, hashes_of, unseal

#: The first bytes of every line.
LINE_START = b'{"@timestamp"'

#: JSON as every line has it: members sorted by code point, no blanks, UTF-8, shortest numbers.
encode_json = msgspec.json.Encoder(order="sorted").encode


class ControlEvent(Struct, frozen=True):
    """An event that a stream writes about itself: a compliance event with a few more fields."""

    operation: str
    #: The fields that the stream adds, in the order in which it gives their values.
    fields: tuple[str, ...]

    @property
    def action(self) -> str:
        """Its `event.action`."""
        return f"audit-{self.operation}"


SEGMENT_START = ControlEvent(
    "segment-start",
    ("mcp.audit.chain.version", "mcp.audit.chain.previous", "mcp.audit.segment.number"),
)
#: On the first line of a stream also: the stream before it in the directory, the sequence of its
#: last line and the hash of that line.
PREVIOUS_FIELDS = (
    "mcp.audit.previous.stream",
    "mcp.audit.previous.sequence",
    "mcp.audit.previous.head",
)
#: Its records are the lines of the segment, both control events included.
SEGMENT_END = ControlEvent("segment-end", ("mcp.audit.segment.number", "mcp.audit.segment.records"))
CONTROL_EVENTS = (SEGMENT_START, SEGMENT_END)


class Segment(NamedTuple):
    """Which segment of which stream."""

    stream: str
    #: From 1.
    number: int

    @property
    def file_name(self) -> str:
        return f"{self.stream}-{self.number:06d}.jsonl"


_FILE_NAME = re.compile(r"(.+)-([0-9]{6,})\.jsonl", re.DOTALL)


def segment_named(file_name: str) -> Segment | None:
    """The segment that a file of this name holds; None if it is not the name of one."""
    match = _FILE_NAME.fullmatch(file_name)
    return Segment(match[1], int(match[2])) if match else None


def streams_in(directory: Path) -> dict[str, list[Path]]:
    """The segment files of each stream, in order; streams in the order of their creation."""
    named = ((segment_named(path.name), path) for path in directory.iterdir())
    found = sorted((segment, path) for segment, path in named if segment)
    streams: dict[str, list[Path]] = {}
    for segment, path in found:
        streams.setdefault(segment.stream, []).append(path)
    return streams


class Previous(NamedTuple):
    """A stream, and its last line when the next stream in the directory began.

    The line must be in that stream, or the stream was cut. More may follow: another process may
    have been writing it.
    """

    stream: str
    sequence: int
    head: bytes


class SegmentStart(NamedTuple):
    """The first line of a segment."""

    segment: Segment
    #: The hash of the last line of the segment before, which this line follows.
    previous: bytes
    #: Of the hash rule.
    version: int
    #: The stream before this one, on the first line of a stream that is not the first.
    stream_before: Previous | None = None


class SegmentEnd(NamedTuple):
    """The last line of a segment that was closed."""

    segment: Segment
    #: How many lines the segment has, this one included.
    records: int


def parse_segment_start(line: bytes) -> SegmentStart | None:
    """The first line of a segment; None if the line is not one."""
    audit = _parse(line, SEGMENT_START)
    if not audit or not audit.chain:
        return None
    try:
        previous = bytes.fromhex(audit.chain.previous)
        before = _stream_before(audit.previous) if audit.previous else None
    except ValueError:
        return None
    return SegmentStart(_segment(audit), previous, audit.chain.version, before)


def _stream_before(named: "_Previous") -> Previous:
    return Previous(named.stream, named.sequence, bytes.fromhex(named.head))


def parse_segment_end(line: bytes) -> SegmentEnd | None:
    """The last line of a segment; None if the line is not one."""
    audit = _parse(line, SEGMENT_END)
    if not audit or audit.segment.records is None:
        return None
    return SegmentEnd(_segment(audit), audit.segment.records)


class _Stream(Struct):
    id: str


class _Segment(Struct):
    number: int
    records: int | None = None


class _Chain(Struct):
    previous: str
    version: int


class _Previous(Struct):
    stream: str
    sequence: int
    head: str


class _Audit(Struct):
    stream: _Stream
    segment: _Segment
    chain: _Chain | None = None
    previous: _Previous | None = None


class _Mcp(Struct):
    audit: _Audit


class _StreamAudit(Struct):
    stream: _Stream


class _StreamMcp(Struct):
    audit: _StreamAudit


class _StreamLine(Struct):
    mcp: _StreamMcp


class _Action(Struct):
    action: str


class _ControlLine(Struct):
    mcp: _Mcp
    event: _Action


class _Sequence(Struct):
    sequence: int


class _Line(Struct):
    event: _Sequence


_control_line = msgspec.json.Decoder(_ControlLine).decode
_line = msgspec.json.Decoder(_Line).decode
_stated = msgspec.json.Decoder(_StreamLine).decode
_decode_lines = msgspec.json.Decoder(_Line).decode_lines
#: A foreign line may be anything; it may also nest too deep for the decoder.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def all_continue(block: bytes, ends: Sequence[int], head: bytes, sequence: int) -> bool:
    """Whether `walk_chain` has no finding in a block of complete lines: a walk in one step.

    `ends`: where the newline of each line is.
    """
    try:
        lines = _decode_lines(block)
    except UNREADABLE:
        return False
    expected = range(sequence + 1, sequence + 1 + len(ends))
    if [line.event.sequence for line in lines] != [*expected]:
        return False
    return hashes_of(block, ends, head) is not None


def sequence_of(line: bytes) -> int:
    """The `event.sequence` of a line; raises one of `UNREADABLE` if it has none."""
    return _line(line).event.sequence


def stream_of(line: bytes) -> str | None:
    """The stream that a line belongs to; None if it does not state one."""
    try:
        return _stated(line).mcp.audit.stream.id
    except UNREADABLE:
        return None


def _parse(line: bytes, event: ControlEvent) -> _Audit | None:
    if event.action.encode() not in line:
        return None
    try:
        found = _control_line(line)
    except UNREADABLE:
        return None
    return found.mcp.audit if found.event.action == event.action else None


def _segment(audit: _Audit) -> Segment:
    return Segment(audit.stream.id, audit.segment.number)


class Link(Struct, frozen=True):
    """One line of a stream, as a walk along the chain found it."""

    #: Counted from 1 in the walk.
    number: int
    #: None if the line cannot be read.
    sequence: int | None
    #: The hash of the chain up to this line, as the line states it.
    head: bytes
    #: What is wrong with the line; None if it follows the one before.
    finding: str | None


def walk_chain(
    lines: Iterable[bytes], head: bytes = GENESIS, sequence: int | None = None
) -> Iterator[Link]:
    """Walk along the lines of one stream, in order and without their newlines.

    `head` is the hash that the first line follows, and `sequence` that of the line before it, if it
    is known. Where the first segments of a stream are gone, `head` is `SegmentStart.previous` of
    the first one left. The walk continues behind a finding from what the line states about itself,
    so each break is found once.
    """
    if head == GENESIS:
        sequence = 0
    for number, line in enumerate(lines, 1):
        link = _link(number, line, head, sequence)
        yield link
        head, sequence = link.head, link.sequence


def first_break(lines: Iterable[bytes], head: bytes = GENESIS) -> Link | None:
    """The first line of a walk that does not follow the one before; None if all do."""
    return next((link for link in walk_chain(lines, head) if link.finding), None)


def _link(number: int, line: bytes, head: bytes, before: int | None) -> Link:
    sealed = unseal(line)
    try:
        sequence = sequence_of(line)
    except UNREADABLE:
        sequence = None
    if sealed is None or sequence is None:
        return Link(number, sequence, head, "it is not a sealed event")
    if before is not None and sequence != before + 1:
        finding = f"its sequence is {sequence}, and that of the line before is {before}"
    elif not follows(line, head):
        finding = "its hash does not follow from the line before: one of the two was changed"
    else:
        finding = None
    return Link(number, sequence, sealed[1], finding)


#: What a pipeline may add to a document, by path: no event has these, and the hash covers none.
OUTSIDE_THE_HASH = frozenset({"@metadata", "@version", "event.ingested", "tags"})
_TIMESTAMP = re.compile(r"\A([0-9-]{10}T[0-9:]{8})(?:\.([0-9]{1,6})0*)?Z\Z")


def canonical(document: Mapping[str, Any]) -> bytes:
    r"""The line of a decoded document, as the writer sealed it, without its newline.

    In a document that comes back from Elasticsearch, members may have another order, and there may
    be more of them. The rule:

    - the fields in `OUTSIDE_THE_HASH` are left out;
    - members are sorted by code point at every level, but `event` is the last at the root, and
      `hash` the last in `event`;
    - no blanks; text is UTF-8, and only `"`, `\` and control characters are escaped;
    - `@timestamp` has six digits after the point: Logstash cuts zeros off and may add some;
    - an integer has all its digits; a float has the fewest that give the same 64-bit value, with
      a point (`1.0`), or with an exponent (`1.5e16`, `1e-7`) from 1e16 on and below 1e-5.

    A float that comes back in another spelling of the same value is therefore restored. A float
    that comes back as an integer (JavaScript writes 1.0 as 1) is not: the document does not show
    that it was one. Raises `ValueError` if the document has no `event.hash`.
    """
    root = {name: value for name, value in document.items() if name not in OUTSIDE_THE_HASH}
    event = root.pop("event", None)
    if not isinstance(event, Mapping) or not isinstance(event.get("hash"), str):
        raise ValueError("the document has no event.hash")  # noqa: TRY004 - one error for all
    if isinstance(stamp := root.get("@timestamp"), str):
        root["@timestamp"] = _TIMESTAMP.sub(_with_six_digits, stamp)
    inner = {
        name: value
        for name, value in event.items()
        if name != "hash" and f"event.{name}" not in OUTSIDE_THE_HASH
    }
    seal = encode_json(event["hash"])
    return b'%b,"event":%b,"hash":%b}}' % (encode_json(root)[:-1], encode_json(inner)[:-1], seal)


def _with_six_digits(stamp: re.Match[str]) -> str:
    return f"{stamp[1]}.{stamp[2] or '':0<6}Z"


_second = (-1, "")


def iso_timestamp(time_s: float) -> str:
    """UTC with microseconds; keeps the text of the last second, which is slow to make."""
    global _second  # noqa: PLW0603 - one tuple, replaced at once: threads may format twice, not mix
    second, micros = divmod(round(time_s * 1e6), 1_000_000)
    cached, text = _second
    if second != cached:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = second, text
    return f"{text}.{micros:06d}Z"


def valid(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
