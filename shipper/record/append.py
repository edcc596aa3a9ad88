"""Lines to segment files: one stream for one process, whole lines only, each in its place.

A stream is a row of segments `<stream>-<n>.jsonl`. The first line of each is a genesis event with
the head of the segment before; the last, when the segment is closed in peace, tells how many
lines it holds. Sequence and chain run through the whole stream. Sequence numbers are given out
only to lines that were written, so a gap always means a line that is gone. Only the last line of a
stream can be torn, when the process was killed in the midst of it: the kernel writes page by page.
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
from shipper.record.classify import Classified, Row
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


class SegmentPolicy(Struct, frozen=True, kw_only=True):
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
    """One open file, in which only whole lines count."""

    def __init__(self, path: Path, mode: int) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(path, flags, mode)
        with suppress(OSError):  # a file system without locks
            # Tells the shipper, which may delete what is shipped, that the writer lives.
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = path
        self.size = 0
        self.opened_s = time.monotonic()

    def append(self, line: bytes) -> None:
        """Write the line. Whatever is raised, `holds` then tells whether it is in the file."""
        written = os.write(self._fd, line)
        if written != len(line):
            raise OSError(
                f"{self.path}: only {written} of {len(line)} bytes fit; is the disk full?"
            )
        self.size += written

    def holds(self, end: int) -> bool:
        """Whether the file reaches to `end`; what lies beyond the last whole line is cut off."""
        if os.fstat(self._fd).st_size == end:
            self.size = end
        else:
            os.ftruncate(self._fd, self.size)
        return self.size == end

    def is_gone(self) -> bool:
        """Whether somebody deleted the file: lines would be lost without an error."""
        return os.fstat(self._fd).st_nlink == 0

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


Describe = Callable[[Event], Classified]
Encode = Callable[[Row, Mapping[str, object]], bytes]


def new_stream_id() -> str:
    """Unique for ever, and in the order of creation."""
    return f"{time.time_ns() // 1_000_000:012x}-{secrets.token_hex(8)}"


class Stream:
    """The stream of this process. Not thread-safe: the handler's lock is held around each call.

    `describe` makes the stream's own events ready to encode. Whatever is raised (`OSError` when a
    line cannot be written or synced, what a signal handler raises in the midst of it), sequence
    and chain then stand as the file does. A signal handler that logs in the midst of it gets a
    `RuntimeError`.
    """

    def __init__(
        self,
        directory: Path,
        policy: SegmentPolicy,
        describe: Describe,
        encode: Encode,
        stream_id: str,
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
        # Where a line ends that may be in the file or not, and the head of the chain if it is.
        self._unsettled: tuple[int, bytes] | None = None
        self._is_writing = False
        self.id = stream_id

    @property
    def path(self) -> Path | None:
        """The segment being written."""
        return self._segment.path if self._segment else None

    def append(self, event: Classified, time_s: float) -> str:
        """Write the event and give its id."""
        if self._segment and self._is_due(self._segment):
            with suppress(OSError):  # a segment without its last line is better than a lost event
                self.close(time_s)
        segment = self._segment or self._open(time_s)
        self._write(segment, event, time_s)
        if self._policy.durability is Durability.EACH:
            segment.sync()
        return f"{self.id}-{self._sequence}"

    def _is_due(self, segment: Segment) -> bool:
        if segment.size >= self._policy.max_bytes:
            return True
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return False
        self._next_look_s = now_s + _LOOK_INTERVAL_S
        return now_s - segment.opened_s >= self._policy.max_age_s or segment.is_gone()

    def _open(self, time_s: float) -> Segment:
        """Open the next segment and write its genesis; on failure there is no segment."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = self._number + 1
        segment = Segment(self._directory / f"{self.id}-{number:06d}.jsonl", self._policy.mode)
        try:
            self._write(segment, self._genesis(number), time_s)
        except BaseException:
            segment.close()
            if segment.size == 0:
                segment.path.unlink(missing_ok=True)
            self._unsettled = None
            raise
        self._segment, self._number, self._first_sequence = segment, number, self._sequence
        if self._policy.durability is not Durability.FLUSH:
            sync_directory(self._directory)  # or its lines cannot be found
        if self._policy.durability is Durability.GROUP:
            self._syncer = _Syncer(segment, self._policy.group_interval_s)
        return segment

    def _genesis(self, number: int) -> Classified:
        described = self._describe(create_compliance_event("segment-start"))
        values = {
            **described.values,
            "mcp.audit.chain.version": VERSION,
            "mcp.audit.chain.previous": self._head.hex(),
            "mcp.audit.segment.number": number,
        }
        return Classified(described.row, values)

    def _write(self, segment: Segment, event: Classified, time_s: float) -> None:
        if self._is_writing:
            raise RuntimeError("a log call within a log call, by a signal handler or a finalizer")
        self._is_writing = True
        try:
            self._settle(segment)
            sequence = self._sequence + 1
            values = dict(event.values)
            values["@timestamp"] = iso_timestamp(time_s)
            values["event.id"] = f"{self.id}-{sequence}"
            values["event.sequence"] = sequence
            line, head = seal(self._encode(event.row, values), self._head)
            self._append(segment, line + b"\n", head)
        finally:
            self._is_writing = False

    def _append(self, segment: Segment, line: bytes, head: bytes) -> None:
        self._unsettled = segment.size + len(line), head
        try:
            segment.append(line)
            self._sequence, self._head, self._unsettled = self._sequence + 1, head, None
        except BaseException:  # also what a signal handler raises when the line is written
            self._settle(segment)
            raise

    def _settle(self, segment: Segment) -> None:
        """Learn whether the last line is in the file, if its writing was broken off.

        A signal handler may break this off as well; then the next line begins with it.
        """
        if self._unsettled is None:
            return
        end, head = self._unsettled
        if segment.holds(end):
            self._sequence, self._head = self._sequence + 1, head
        self._unsettled = None  # Python looks for signals at calls, and there is none in between

    def close(self, time_s: float) -> None:
        """Close the segment with its count; the next line opens the next one."""
        segment = self._segment
        if not segment:
            return
        described = self._describe(create_compliance_event("segment-end"))
        count = self._sequence - self._first_sequence + 2  # this line included
        values = {
            **described.values,
            "mcp.audit.segment.number": self._number,
            "mcp.audit.segment.records": count,
        }
        try:
            self._write(segment, Classified(described.row, values), time_s)
            segment.sync()
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
                with suppress(OSError):  # the disk's trouble shows at the next write, or at close
                    self._segment.sync()

    def stop(self) -> None:
        """Wait for the thread; after a fork it is the parent's, and so may be its locks."""
        if self._pid == os.getpid():
            self._stopping.set()
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
