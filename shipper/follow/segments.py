"""Segments of audit streams: known by their first line, and read one after the other.

A process writes its stream as a series of files, of which only the last still grows
(`record/format.py`).
"""

import fcntl

from shipper.follow.handle import Handle, Torn
from shipper.forms.check import fault
from shipper.record.format import (
    LINE_START,
    Segment,
    parse_segment_end,
    parse_segment_start,
)
from shipper.record.seal import follows

#: Control events take about 1 KiB; the names of host and service may make them longer.
_LINE_BYTES = 16 << 10


def segment_of(file: Handle) -> Segment | None:
    """Which segment the open file is, None if it is not one; `Torn` if it is too short to know.

    The first line of a segment carries a seal. Anybody can forge one: it finds accidents.
    """
    begin = file.read(len(LINE_START), 0)  # of most files, enough
    if begin != LINE_START[: len(begin)]:
        return None
    data = file.read(_LINE_BYTES, 0)
    line, newline, _ = data.partition(b"\n")
    if not newline and len(data) < _LINE_BYTES and fault(line):
        raise Torn
    start = parse_segment_start(line)
    return start.segment if start and follows(line, start.previous) else None


def starts_segment(file: Handle) -> bool:
    """Whether the open file begins as a segment does."""
    try:
        return segment_of(file) is not None
    except Torn:
        return False


def is_ended(file: Handle) -> bool:
    """Whether the file is complete: its last line closes the segment, or nobody writes to it."""
    return _is_closed(file) or not _has_writer(file.file)


def is_abandoned(file: Handle) -> bool:
    """Whether the process that wrote the segment died without closing it."""
    return not _is_closed(file) and not _has_writer(file.file)


def _is_closed(file: Handle) -> bool:
    data = file.read(_LINE_BYTES, max(0, file.size - _LINE_BYTES))
    last = data[:-1].rpartition(b"\n")[2]
    return data.endswith(b"\n") and parse_segment_end(last) is not None


def _has_writer(file: int) -> bool:
    """Whether the process that writes the segment lives: it holds a lock on the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # it lives, or the file system has no locks, and nobody knows
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
