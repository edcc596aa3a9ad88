"""Segments of audit streams: known by their first line, and read one after the other.

The record line writes a stream as a row of files, of which only the last still grows. Each begins
with an event that names the stream and the segment's number (`record/append.py`).
"""

import fcntl
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from shipper.follow.handle import Handle, Torn
from shipper.forms.check import fault

if TYPE_CHECKING:
    pass

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
