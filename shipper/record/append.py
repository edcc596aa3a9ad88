"""Lines to segment files: one stream for one process, whole lines only, each in its place.

A stream is a row of segments `<stream>-<n>.jsonl`. The first line of each is a genesis event with
the head of the segment before; the last, when the segment is closed in peace, tells how many
lines it holds. Sequence and chain run through the whole stream. Sequence numbers are given out
only to lines that were written, so a gap always means a line that is gone.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from shipper.record.classify import Classified
from shipper.record.event import Event, create_compliance_event
from shipper.record.seal import GENESIS, VERSION, seal

#: Small enough to ship and verify in one go.
MAX_SEGMENT_BYTES = 64 << 20
#: A day's record is closed within a day.
MAX_SEGMENT_AGE_S = 86_400.0


#: How often the age of the segment is looked at, and whether somebody deleted it.
_LOOK_INTERVAL_S = 1.0


class Durability(StrEnum):
    """When a line is safe: what must not crash once the log call has returned."""

    FLUSH = "flush"  # the process: the line is in the page cache
    GROUP = "group"  # the machine, but for the last interval: fsync by a thread
    EACH = "each"  # the machine: fsync before the call returns


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentPolicy:
    """When a segment is closed and how its lines are kept."""

    #: A segment is closed from this size on.
    max_bytes: int = MAX_SEGMENT_BYTES
    #: And from this age on, at the next line.
    max_age_s: float = MAX_SEGMENT_AGE_S
    durability: Durability = Durability.FLUSH
    #: Interval of the fsync thread under `group`.
    group_interval_s: float = 0.1
    #: Audit lines are nobody's but the application's and the shipper's.
    mode: int = 0o600


class Segment:
    """One open file: whole lines, or none."""

    def __init__(self, path: Path, mode: int) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(path, flags, mode)
        self.path = path
        self.size = 0
        self.opened_s = time.monotonic()

    def append(self, line: bytes) -> None:
        """Write the line; on a short write (a full disk) take the part back, then raise."""
        try:
            written = os.write(self._fd, line)
        except OSError:
            self._take_back()
            raise
        if written != len(line):
            self._take_back()
            raise OSError(
                f"{self.path}: only {written} of {len(line)} bytes fit; is the disk full?"
            )
        self.size += written

    def _take_back(self) -> None:
        os.ftruncate(self._fd, self.size)

    def is_gone(self) -> bool:
        """Whether somebody deleted the file: lines would be lost without an error."""
        return os.fstat(self._fd).st_nlink == 0

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


Describe = Callable[[Event], Classified]
Encode = Callable[[Classified], bytes]


class Stream:
    """The stream of this process. Not thread-safe: the handler's lock is held around each call.

    `describe` makes the stream's own events ready to encode. Raises `OSError` when a line cannot
    be written; sequence and chain then stand as before.
    """

    def __init__(
        self, directory: Path, policy: SegmentPolicy, describe: Describe, encode: Encode
    ) -> None:
        self._directory = directory
        self._policy = policy
        self._describe = describe
        self._encode = encode
        self._segment: Segment | None = None
        self._number = 0
        self._first_sequence = 1
        self._sequence = 0
        self._head = GENESIS
        self._syncer: _Syncer | None = None
        self._next_look_s = 0.0
        self.id = f"{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}"

    @property
    def path(self) -> Path | None:
        """The segment being written."""
        return self._segment.path if self._segment else None

    def append(self, event: Classified, time_s: float) -> str:
        """Write the event and give its id."""
        if self._segment and self._is_due(self._segment):
            self.close()
        if not self._segment:
            self._open(time_s)
        return self._write(event, time_s)

    def _is_due(self, segment: Segment) -> bool:
        if segment.size >= self._policy.max_bytes:
            return True
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return False
        self._next_look_s = now_s + _LOOK_INTERVAL_S
        return now_s - segment.opened_s >= self._policy.max_age_s or segment.is_gone()

    def _open(self, time_s: float) -> None:
        """Open the next segment and write its genesis; on failure there is no segment."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"{self.id}-{self._number + 1:06d}.jsonl"
        self._segment = Segment(path, self._policy.mode)
        genesis = create_compliance_event("segment-start")
        described = self._describe(genesis)
        values = {
            **described.values,
            "mcp.audit.chain.version": VERSION,
            "mcp.audit.chain.previous": self._head.hex(),
            "mcp.audit.segment.number": self._number + 1,
        }
        try:
            self._write(Classified(described.row, values), time_s)
        except OSError:
            self._segment.close()
            self._segment = None
            path.unlink(missing_ok=True)
            raise
        self._number += 1
        self._first_sequence = self._sequence
        if self._policy.durability is Durability.GROUP:
            self._syncer = _Syncer(self._segment, self._policy.group_interval_s)

    def _write(self, event: Classified, time_s: float) -> str:
        assert self._segment is not None
        sequence = self._sequence + 1
        event_id = f"{self.id}-{sequence}"
        values = {
            **event.values,
            "@timestamp": iso_timestamp(time_s),
            "event.id": event_id,
            "event.sequence": sequence,
            "mcp.audit.stream.id": self.id,
        }
        line, head = seal(self._encode(Classified(event.row, values)), self._head)
        self._segment.append(line + b"\n")
        self._sequence, self._head = sequence, head
        if self._policy.durability is Durability.EACH:
            self._segment.sync()
        return event_id

    def close(self) -> None:
        """Close the segment with its count; the next line opens the next one."""
        if not self._segment:
            return
        described = self._describe(create_compliance_event("segment-end"))
        count = self._sequence - self._first_sequence + 2  # this line included
        values = {
            **described.values,
            "mcp.audit.segment.number": self._number,
            "mcp.audit.segment.records": count,
        }
        try:
            self._write(Classified(described.row, values), time.time())
            self._segment.sync()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the segment without a last line: after a fork it is the parent's."""
        if self._syncer:
            self._syncer.stop()
            self._syncer = None
        if self._segment:
            self._segment.close()
            self._segment = None


class _Syncer:
    """A thread that brings a segment to the disk at an interval."""

    def __init__(self, segment: Segment, interval_s: float) -> None:
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
                self._segment.sync()

    def stop(self) -> None:
        self._stopping.set()
        if self._pid == os.getpid():  # threads do not survive a fork
            self._thread.join()


_second = (-1, "")


def iso_timestamp(time_s: float) -> str:
    """UTC with microseconds; the text of the last second is kept, for making it takes long."""
    global _second  # noqa: PLW0603 - one tuple, replaced whole: threads may format twice, never mix
    second, micros = divmod(round(time_s * 1e6), 1_000_000)
    cached, text = _second
    if second != cached:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = second, text
    return f"{text}.{micros:06d}Z"
