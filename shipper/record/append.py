"""Write the audit stream of one process: complete lines, appended to segment files.

`format.py` states what the files contain. Sequence numbers are given only to lines that were
written, so a gap always means that a line is gone. Only the last line of a stream can be torn, if
the process was killed while it wrote: the kernel writes page by page.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from shipper.durable import make_directory, sync_directory
from shipper.record.classified import Classified, Variant
from shipper.record.format import (
    PREVIOUS_FIELDS,
    SEGMENT_END,
    SEGMENT_START,
    ControlEvent,
    Previous,
    Segment,
    iso_timestamp,
)
from shipper.record.policy import Durability, SegmentPolicy
from shipper.record.previous import previous_stream
from shipper.record.seal import VERSION, seal
from shipper.record.segment import OpenSegment, Syncer
from shipper.record.state import Pending, State

#: How often the age of the segment is checked, and whether somebody deleted it.
_CHECK_INTERVAL_S = 1.0

_NESTED = "a log call within a log call, by a signal handler or a finalizer"


_Encode = Callable[[Variant, Mapping[str, object]], bytes]


def new_stream_id() -> str:
    """Unique forever; ids sort in the order of creation."""
    return f"{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}"


class Loss(NamedTuple):
    """A segment that somebody took away while it was written."""

    number: int
    #: How many lines it had.
    records: int


# Why a line counts exactly once, whatever interrupts its writing.
#
# `os.write` and the assignments that record it (sequence, head, counts) are several steps. Between
# any two calls Python may run a signal handler, which may raise any exception, KeyboardInterrupt
# too; and `os.write` may write less than it was given. After such an exception nobody knows whether
# the line is in the file. Then only the file knows, so the file is asked:
#
#   1. `_append` notes in `_pending` where the line will end, and the state once it is written.
#   2. It writes. If all went well, one assignment takes the state forward.
#   3. After any exception (hence BaseException), `_resolve_pending` compares the size of the file
#      with the noted end. If the line is complete, it counts; else it is cut off.
#   4. A second signal may interrupt step 3 as well. Then `_pending` is still there, and the next
#      line begins with step 3.
#
# Steps 2 and 3 rely on CPython: it checks for signals at calls and at jumps back, and between the
# last call and the assignments there is neither. So state and `_pending` change together.
#
# A signal handler, or a finalizer, may also log: a call within a call, on the same thread, which
# the lock of the logging handler lets pass. `_is_busy` refuses it with a RuntimeError.


class AuditStream:
    """Writes the audit stream of this process.

    `controls` has each control event, ready to encode but for its own fields. Not thread-safe: the
    recording holds its lock around each call. Whatever is raised (`OSError` if a line cannot be
    written or synced, or anything from a signal handler), sequence, chain and counts agree with the
    files, and the next line is tried again: in another segment if this one is gone or broken.
    """

    def __init__(
        self,
        directory: Path,
        policy: SegmentPolicy,
        controls: Mapping[ControlEvent, Classified],
        encode: _Encode,
        stream_id: str,
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._controls = controls
        self._encode = encode
        self._segment: OpenSegment | None = None
        self._number = 0
        self._first_sequence = 1
        self._state = State()
        self._syncer: Syncer | None = None
        self._next_check_s = 0.0
        self._pending: Pending | None = None
        self._is_busy = False
        self.id = stream_id
        #: The segments that were taken away, until somebody records it.
        self.losses: list[Loss] = []

    @property
    def path(self) -> Path | None:
        """The segment being written."""
        return self._segment.path if self._segment else None

    @property
    def accounted(self) -> int:
        """The events that are in the files, and those that lines in the files state as lost."""
        state = self._state
        return state.written + state.stated

    @property
    def written(self) -> int:
        """The events that are in the files."""
        return self._state.written

    @property
    def stated(self) -> int:
        """The lost events that lines in the files state."""
        return self._state.stated

    def append(
        self, event: Classified, time_s: float, *, own: bool = False, states: int = 0
    ) -> str:
        """Write the event and return its id.

        The record's `own` events are not counted in `written`; `states` is how many lost events
        this one states.
        """
        if self._is_busy:
            raise RuntimeError(_NESTED)
        self._is_busy = True
        try:
            segment = self._current(time_s) or self._open(time_s)
            event_id = self._write(segment, event, time_s, 0 if own else 1, states)
            if self._policy.durability is Durability.EACH:
                segment.sync()
            return event_id
        finally:
            self._is_busy = False

    def resolve(self) -> None:
        """Find out about a line whose writing was interrupted, so that the counts are right."""
        if not self._is_busy:
            self._resolve_pending()

    def _current(self, time_s: float) -> OpenSegment | None:
        """The open segment, if the next line belongs there; else it is closed."""
        if self._pending is not None:
            self._resolve_pending()
        segment = self._segment
        if segment is None:
            return None
        now_s = time.monotonic()
        is_check_due = now_s >= self._next_check_s
        if self._is_lost(segment, is_check_due=is_check_due):
            self.abandon()
            return None
        if segment.size >= self._policy.max_bytes or (
            is_check_due and self._is_old(segment, now_s)
        ):
            with suppress(OSError):  # better a segment without its last line than a lost event
                self._end(segment, time_s)
            return None
        return segment

    def _is_lost(self, segment: OpenSegment, *, is_check_due: bool) -> bool:
        is_missing = segment.is_deleted() or (is_check_due and segment.is_away())
        if is_missing:
            lines = self._state.sequence - self._first_sequence + 1
            self.losses.append(Loss(self._number, lines))
        return is_missing or segment.is_broken

    def _is_old(self, segment: OpenSegment, now_s: float) -> bool:
        """Whether its day is over; sets when to check that again."""
        self._next_check_s = now_s + _CHECK_INTERVAL_S
        return now_s - segment.opened_s >= self._policy.max_age_s

    def _open(self, time_s: float) -> OpenSegment:
        """Open the next segment and write its first line; on failure there is no segment."""
        make_directory(self._directory)
        before = None if self._state.sequence else previous_stream(self._directory, self.id)
        number, segment = self._create()
        first = self._state.sequence + 1
        try:
            start = self._start(number, before)
            self._write(segment, start, time_s)
        except BaseException:
            segment.close()
            if segment.size == 0:
                segment.path.unlink(missing_ok=True)
            self._pending = None
            raise
        self._segment, self._number, self._first_sequence = segment, number, first
        if self._policy.durability is not Durability.FLUSH:
            sync_directory(self._directory)  # or its lines cannot be found
        if self._policy.durability is Durability.GROUP:
            self._syncer = Syncer(segment, self._policy.group_interval_s)
        return segment

    def _create(self) -> tuple[int, OpenSegment]:
        """The next segment, under the first name that is free: anybody may have left a file."""
        number = self._number
        while True:
            number += 1
            path = self._directory / Segment(self.id, number).file_name
            with suppress(FileExistsError):
                return number, OpenSegment(path, self._policy.mode)

    def _start(self, number: int, before: Previous | None) -> Classified:
        start = self._control(SEGMENT_START, VERSION, self._state.head.hex(), number)
        if before is None:
            return start
        names = before.stream, before.sequence, before.head.hex()
        added = zip(PREVIOUS_FIELDS, names, strict=True)
        return Classified(start.variant, {**start.values, **dict(added)})

    def _control(self, event: ControlEvent, *values: object) -> Classified:
        """A control event, with the values of its fields."""
        ready = self._controls[event]
        added = zip(event.fields, values, strict=True)
        return Classified(ready.variant, {**ready.values, **dict(added)})

    def _write(
        self,
        segment: OpenSegment,
        event: Classified,
        time_s: float,
        written: int = 0,
        stated: int = 0,
    ) -> str:
        before = self._state
        sequence = before.sequence + 1
        event_id = f"{self.id}-{sequence}"
        values = {
            **event.values,
            "@timestamp": iso_timestamp(time_s),
            "event.id": event_id,
            "event.sequence": sequence,
        }
        line, head = seal(self._encode(event.variant, values), before.head)
        after = State(sequence, head, before.written + written, before.stated + stated)
        self._append(line + b"\n", Pending(segment, segment.size + len(line) + 1, after))
        return event_id

    def _append(self, line: bytes, pending: Pending) -> None:
        self._pending = pending
        try:
            pending.segment.append(line)
            self._state, self._pending = pending.after, None
        except BaseException:
            self._next_check_s = 0.0  # it may be the file that has gone
            self._resolve_pending()
            raise

    def _resolve_pending(self) -> None:
        """If the writing of a line was interrupted, find out whether the file has the line."""
        pending = self._pending
        if pending is None:
            return
        if pending.segment.holds(pending.end):
            self._state = pending.after
        self._pending = None  # no call since `holds`, so no signal

    def close(self, time_s: float) -> None:
        """Close the segment with the count of its lines; the next line opens another one."""
        if self._is_busy:
            raise RuntimeError(_NESTED)
        self._is_busy = True
        try:
            self._next_check_s = 0.0
            if segment := self._current(time_s):
                self._end(segment, time_s)
        finally:
            self._is_busy = False

    def _end(self, segment: OpenSegment, time_s: float) -> None:
        count = self._state.sequence - self._first_sequence + 2  # this line included
        end = self._control(SEGMENT_END, self._number, count)
        try:
            self._write(segment, end, time_s)
            segment.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file without a last line: after a fork the segment is the parent's."""
        if self._syncer:
            self._syncer.stop()
            self._syncer = None
        if self._segment:
            self._segment.close()
            self._segment = None
