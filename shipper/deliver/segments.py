"""Segments of audit streams: known by their first line, and read one after the other.

The record line writes a stream as a row of files, of which only the last still grows. Each begins
with an event that names the stream and the segment's number (`record/append.py`).
"""

import fcntl
import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from shipper.deliver.block import fault
from shipper.deliver.form import Ndjson
from shipper.deliver.handle import Handle, Torn

if TYPE_CHECKING:
    from shipper.deliver.source import Source

#: How every line of ours begins, and what it is called that begins or ends a segment.
_BEGINS = b'{"@timestamp"'
_START, _END = "audit-segment-start", "audit-segment-end"

#: Such lines are about 1 KiB long; the names of host and service may make them longer.
_LINE_BYTES = 16 << 10


class Segment(NamedTuple):
    """Which part of which stream a file is."""

    stream: str
    number: int


class _Stream(msgspec.Struct):
    id: str


class _Number(msgspec.Struct):
    number: int


class _Audit(msgspec.Struct):
    stream: _Stream
    segment: _Number


class _Mcp(msgspec.Struct):
    audit: _Audit


class _Event(msgspec.Struct):
    action: str


class _Line(msgspec.Struct):
    mcp: _Mcp
    event: _Event


_decode = msgspec.json.Decoder(_Line).decode


class Sealed(Ndjson):
    """Lines of a segment: there a line without its newline does not count.

    The writer cuts such a line off again, and may write another one with its sequence number.
    """

    def patience_s(self, rest: bytes) -> float | None:  # noqa: ARG002  # as every form's
        """None: the newline is a part of the line."""
        return None


SEALED = Sealed()


def segment_of(file: Handle) -> Segment | None:
    """Which segment the open file is, None if it is none; `Torn` if that cannot be known yet."""
    data = file.read(_LINE_BYTES, 0)
    if data[: len(_BEGINS)] != _BEGINS[: len(data)]:
        return None
    line, newline, _ = data.partition(b"\n")
    if not newline and len(data) < _LINE_BYTES and fault(line):
        raise Torn
    return _segment(line, _START)


def is_ended(file: Handle) -> bool:
    """Whether nothing more can come: its last line closes the segment, or nobody writes to it."""
    return _is_closed(file) or not _has_writer(file.file)


def is_abandoned(file: Handle) -> bool:
    """Whether the process that wrote the segment is gone, and has not closed it."""
    return not _is_closed(file) and not _has_writer(file.file)


def _is_closed(file: Handle) -> bool:
    data = file.read(_LINE_BYTES, max(0, file.size - _LINE_BYTES))
    last = data[:-1].rpartition(b"\n")[2]
    return data.endswith(b"\n") and _segment(last, _END) is not None


def _has_writer(file: int) -> bool:
    """Whether the process that writes the segment lives: it holds a lock on it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # it does, or there are no locks here, and nobody knows
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _segment(line: bytes, action: str) -> Segment | None:
    if action.encode() not in line:
        return None
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found.event.action != action:
        return None
    return Segment(found.mcp.audit.stream.id, found.mcp.audit.segment.number)


class Streams:
    """The segments that are not wholly settled, in rows: only the first of a row has its turn."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, int, Source]]] = {}
        self._known: dict[Segment, Source] = {}
        self._latest: dict[str, int] = {}
        self._due: set[str] = set()

    def source(self, segment: Segment) -> "Source | None":
        """The followed file of that segment."""
        return self._known.get(segment)

    def add(self, source: "Source", segment: Segment) -> None:
        """Put a segment in its place; of each there is one file."""
        self._known[segment] = source
        self._latest[segment.stream] = max(segment.number, self._latest.get(segment.stream, 0))
        heapq.heappush(
            self._rows.setdefault(segment.stream, []), (segment.number, id(source), source)
        )
        self._due.add(segment.stream)

    def forget(self, segment: Segment) -> None:
        """Its file is followed no more."""
        source = self._known.pop(segment)
        row = self._rows.get(segment.stream, [])
        row[:] = [one for one in row if one[2] is not source]
        heapq.heapify(row)
        self._due.add(segment.stream)
        if not row:
            self._rows.pop(segment.stream, None)
            self._latest.pop(segment.stream, None)

    def has_turn(self, segment: Segment) -> bool:
        """Whether all before it in its stream is settled, so far as it is there."""
        row = self._rows.get(segment.stream)
        return not row or segment.number <= row[0][0]

    def has_later(self, segment: Segment) -> bool:
        """Whether a later segment of its stream is there, so that it cannot grow."""
        return segment.number < self._latest.get(segment.stream, 0)

    def touch(self, segment: Segment) -> None:
        """Its file was read; `freed` looks at it."""
        self._due.add(segment.stream)

    def freed(self, is_settled: Callable[["Source"], bool]) -> Iterator["Source"]:
        """The segments whose turn has come, because those before them are settled."""
        while self._due:
            row = self._rows.get(self._due.pop(), [])
            while len(row) > 1 and is_settled(row[0][2]):
                heapq.heappop(row)
                yield row[0][2]
