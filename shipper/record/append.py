"""Write the audit stream of one process: complete lines, appended to segment files.

`format.py` states what the files contain. Sequence numbers are given only to lines that were
written, so a gap always means that a line is gone. Only the last line of a stream can be torn, if
the process was killed while it wrote: the kernel writes page by page.
"""

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from shipper.durable import sync_directory
from shipper.record.classify import Classified, Variant
from shipper.record.format import (
    SEGMENT_END,
    SEGMENT_START,
    ControlEvent,
    Segment,
    iso_timestamp,
)
from shipper.record.seal import GENESIS, VERSION, seal

#: Small enough to ship and verify in one go.
MAX_SEGMENT_BYTES = 64 << 20
#: A segment covers a day at most.
MAX_SEGMENT_AGE_S = 86_400.0

#: How often the age of the segment is checked, and whether somebody deleted it.
_CHECK_INTERVAL_S = 1.0

_NESTED = "a log call within a log call, by a signal handler or a finalizer"


class Durability(StrEnum):
    """Which crash a line survives once the log call has returned."""

    FLUSH = "flush"  # of the process: the line is in the page cache
    GROUP = "group"  # of the machine, except for the last interval: a thread calls fsync
    EACH = "each"  # of the machine: fsync before the call returns


class SegmentPolicy(Struct, frozen=True, kw_only=True):
    """When a segment is closed, and how safe its lines are."""

    #: The next line after this size opens a new segment.
    max_bytes: int = MAX_SEGMENT_BYTES
    #: So does the next line after this age.
    max_age_s: float = MAX_SEGMENT_AGE_S
    durability: Durability = Durability.FLUSH
    #: Interval of the fsync thread under `group`.
    group_interval_s: float = 0.1
    #: Only the application and the shipper read audit lines.
    mode: int = 0o600


class _OpenSegment:
    """The segment file being written, in which only complete lines count."""

    def __init__(self, path: Path, mode: int) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(path, flags, mode)
        with suppress(OSError):  # a file system without locks
            # Shows that the writer lives to the shipper, which may delete what it has shipped.
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = path
        self.size = 0
        self.opened_s = time.monotonic()

    def append(self, line: bytes) -> None:
        """Write the line. After any exception, `holds` finds out whether it is in the file."""
        written = os.write(self._fd, line)
        if written != len(line):
            raise OSError(
                f"{self.path}: only {written} of {len(line)} bytes fit; is the disk full?"
            )
        self.size += written

    def holds(self, end: int) -> bool:
        """Whether the file reaches to `end`; if not, cut it after its last complete line."""
        if os.fstat(self._fd).st_size == end:
            self.size = end
        else:
            os.ftruncate(self._fd, self.size)
        return self.size == end

    def is_gone(self) -> bool:
        """Whether somebody deleted the file: its lines would be lost without an error."""
        return os.fstat(self._fd).st_nlink == 0

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


_Encode = Callable[[Variant, Mapping[str, object]], bytes]


def new_stream_id() -> str:
    """Unique forever; ids sort in the order of creation."""
    return f"{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}"


# Why a line counts exactly once, whatever interrupts its writing.
#
# `os.write` and the assignments that record it (sequence and head) are several steps. Between any
# two calls Python may run a signal handler, which may raise any exception, KeyboardInterrupt too;
# and `os.write` may write less than it was given. After such an exception nobody knows whether
# the line is in the file. Then only the file knows, so the file is asked:
#
#   1. `_append` notes in `_pending` where the line will end, and the head of the chain after it.
#   2. It writes. If all went well, one assignment takes sequence, head and `_pending` forward.
#   3. After any exception (hence BaseException), `_resolve_pending` compares the size of the file
#      with the noted end. If the line is complete, it counts; else it is cut off.
#   4. A second signal may interrupt step 3 as well. Then `_pending` is still there, and the next
#      line begins with step 3.
#
# Steps 2 and 3 rely on CPython: it checks for signals at calls and at jumps back, and between the
# last call and the assignments there is neither. So sequence, head and `_pending` change together.
#
# A signal handler, or a finalizer, may also log: a call within a call, on the same thread, which
# the lock of the logging handler lets pass. `_is_busy` refuses it with a RuntimeError.


class AuditStream:
    """Writes the audit stream of this process.

    `controls` has each control event, ready to encode but for its own fields. Not thread-safe: the
    handler holds its lock around each call. Whatever is raised (`OSError` if a line cannot be
    written or synced, or anything from a signal handler), sequence and chain agree with the file.
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
        self._segment: _OpenSegment | None = None
        self._number = 0
        self._first_sequence = 1
        self._sequence = 0
        self._head = GENESIS
        self._syncer: _Syncer | None = None
        self._next_check_s = 0.0
        #: Where a line ends that may be in the file or not, and the head of the chain if it is.
        self._pending: tuple[int, bytes] | None = None
        self._is_busy = False
        self.id = stream_id

    @property
    def path(self) -> Path | None:
        """The segment being written."""
        return self._segment.path if self._segment else None

    def append(self, event: Classified, time_s: float) -> str:
        """Write the event and return its id."""
        if self._is_busy:
            raise RuntimeError(_NESTED)
        self._is_busy = True
        try:
            if self._segment and self._is_due(self._segment):
                with suppress(OSError):  # better a segment without its last line than a lost event
                    self._end(self._segment, time_s)
            segment = self._segment or self._open(time_s)
            self._write(segment, event, time_s)
            if self._policy.durability is Durability.EACH:
                segment.sync()
            return f"{self.id}-{self._sequence}"
        finally:
            self._is_busy = False

    def _is_due(self, segment: _OpenSegment) -> bool:
        if segment.size >= self._policy.max_bytes:
            return True
        now_s = time.monotonic()
        if now_s < self._next_check_s:
            return False
        self._next_check_s = now_s + _CHECK_INTERVAL_S
        return now_s - segment.opened_s >= self._policy.max_age_s or segment.is_gone()

    def _open(self, time_s: float) -> _OpenSegment:
        """Open the next segment and write its first line; on failure there is no segment."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        number, path = self._next_segment()
        start = self._control(SEGMENT_START, VERSION, self._head.hex(), number)
        segment = _OpenSegment(path, self._policy.mode)
        try:
            self._write(segment, start, time_s)
        except BaseException:
            segment.close()
            if segment.size == 0:
                segment.path.unlink(missing_ok=True)
            self._pending = None
            raise
        self._segment, self._number, self._first_sequence = segment, number, self._sequence
        if self._policy.durability is not Durability.FLUSH:
            sync_directory(self._directory)  # or its lines cannot be found
        if self._policy.durability is Durability.GROUP:
            self._syncer = _Syncer(segment, self._policy.group_interval_s)
        return segment

    def _next_segment(self) -> tuple[int, Path]:
        """Its number and path; skips a file that exists because a signal interrupted `_open`."""
        number = self._number + 1
        while (path := self._directory / Segment(self.id, number).file_name).exists():
            number += 1
        return number, path

    def _control(self, event: ControlEvent, *values: object) -> Classified:
        """A control event, with the values of its fields."""
        ready = self._controls[event]
        added = zip(event.fields, values, strict=True)
        return Classified(ready.variant, {**ready.values, **dict(added)})

    def _write(self, segment: _OpenSegment, event: Classified, time_s: float) -> None:
        self._resolve_pending(segment)
        sequence = self._sequence + 1
        values = dict(event.values)
        values["@timestamp"] = iso_timestamp(time_s)
        values["event.id"] = f"{self.id}-{sequence}"
        values["event.sequence"] = sequence
        line, head = seal(self._encode(event.variant, values), self._head)
        self._append(segment, line + b"\n", head)

    def _append(self, segment: _OpenSegment, line: bytes, head: bytes) -> None:
        self._pending = segment.size + len(line), head
        try:
            segment.append(line)
            self._sequence, self._head, self._pending = self._sequence + 1, head, None
        except BaseException:
            self._resolve_pending(segment)
            raise

    def _resolve_pending(self, segment: _OpenSegment) -> None:
        """If the writing of a line was interrupted, find out whether the file has the line."""
        if self._pending is None:
            return
        end, head = self._pending
        if segment.holds(end):
            self._sequence, self._head = self._sequence + 1, head
        self._pending = None  # no call since `holds`, so no signal

    def close(self, time_s: float) -> None:
        """Close the segment with the count of its lines; the next line opens another one."""
        if self._is_busy:
            raise RuntimeError(_NESTED)
        self._is_busy = True
        try:
            if self._segment:
                self._end(self._segment, time_s)
        finally:
            self._is_busy = False

    def _end(self, segment: _OpenSegment, time_s: float) -> None:
        count = self._sequence - self._first_sequence + 2  # this line included
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


class _Syncer:
    """A thread that syncs a segment to the disk at an interval."""

    def __init__(self, segment: _OpenSegment, interval_s: float) -> None:
        self._segment = segment
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="mcp-shipper-sync", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        synced = 0
        while not self._stopping.wait(self._interval_s):
            if self._segment.size != synced:
                synced = self._segment.size
                with suppress(OSError):  # the next write fails as well, or the close
                    self._segment.sync()

    def stop(self) -> None:
        """Wait for the thread; after a fork thread and locks are the parent's."""
        if self._pid == os.getpid():
            self._stopping.set()
            self._thread.join()
