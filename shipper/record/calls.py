"""The calls that are open now, in a file that outlives the process: `<id>.open`.

A call is written into a slot of the file when it begins, and the slot is cleared once its event is
recorded. A killed process releases the lock of its file and leaves the open calls in it: the next
process that records in the directory writes their events.

The file is written with `pwrite`, not through a mapping: a mapping that somebody truncates, or that
a full disk cannot back, ends the process.
"""

import fcntl
import itertools
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from weakref import WeakSet

import msgspec
from msgspec import Struct

from shipper.catalog.methods import methods
from shipper.durable import make_directory
from shipper.record.event import Event, create_event
from shipper.secrets.masker import masker
from shipper.secrets.own import follows_own

_SUFFIX = ".open"
_SLOT = 2048
#: More calls than that are not in the file: it stays small, whatever comes.
_MAX_SLOTS = 1024
#: Characters of a name: an entry fits its slot even where each is escaped.
_MAX_NAME = 64
_FREE = b"\0"
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_READ = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Begun(Struct, frozen=True, array_like=True):
    """A call that has begun, with names and without values: it is written before redaction."""

    time_s: float
    method: str
    id: str | int | None = None
    tool: str | None = None
    prompt: str | None = None
    user: str | None = None
    from_server: bool = False

    @property
    def event(self) -> Event:
        """The event of the call, if its process ended before it did."""
        table = methods()
        rows = table.from_server if self.from_server else table.requests
        row = rows.get(self.method, table.served)
        fields = {
            "event.action": row.action,
            "event.category": list(row.category),
            "event.type": list(row.types),
            "event.reason": "process_ended",
            "mcp.method.name": self.method,
            "mcp.request.id": None if self.id is None else str(self.id),
            "gen_ai.tool.name": self.tool,
            "gen_ai.prompt.name": self.prompt,
        }
        return create_event(row.event_type, fields, user_id=self.user, success=None)


def begun(
    time_s: float,
    method: str,
    request_id: str | int | None,
    asked: Mapping[str, object],
    user: str | None,
    *,
    from_server: bool,
) -> Begun:
    """The call as it may be written: every text is short and masked."""
    tool, prompt = asked.get("gen_ai.tool.name"), asked.get("gen_ai.prompt.name")
    return Begun(
        time_s,
        _clean(method),
        _masked(request_id) if isinstance(request_id, str) else request_id,
        _clean(tool) if isinstance(tool, str) else None,
        _clean(prompt) if isinstance(prompt, str) else None,
        _clean(user) if user else None,
        from_server,
    )


def _masked(text: str) -> str:
    masked = masker().mask(text[: 4 * _MAX_NAME], lambda *_: None)
    # A secret across the cut is masked before it, or is no longer than half of what is read.
    return masked.encode("utf-8", "replace").decode()[:_MAX_NAME]


@follows_own
@lru_cache(maxsize=1024)  # names repeat; the bound is against hostile callers
def _clean(text: str) -> str:
    return _masked(text)


class OpenCalls:
    """The open calls of this process in one directory; from any thread.

    No method raises: a call is served whether it can be written here or not.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._path = directory / f"{name}{_SUFFIX}"
        self._fd = -1
        self._free: list[int] = []
        self._next = itertools.count()
        _all.add(self)

    def begin(self, call: Begun) -> int | None:
        """Write the call; its slot, or None if it is nowhere."""
        slot = self._free.pop() if self._free else next(self._next)
        if slot >= _MAX_SLOTS:
            return None
        try:
            if self._fd < 0:
                self._create()
            os.pwrite(self._fd, b"%b\n" % _encode(call), slot * _SLOT)
        except OSError:
            self._free.append(slot)
            return None
        return slot

    def end(self, slot: int) -> None:
        """Clear the slot, once the call's event is recorded."""
        try:
            os.pwrite(self._fd, _FREE, slot * _SLOT)
        except OSError:  # after a fork it is the parent's
            return
        self._free.append(slot)

    def _create(self) -> None:
        make_directory(self._path.parent)
        fd = os.open(self._path, _CREATE, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # without locks nobody could know that this process has ended
            os.close(fd)
            self._path.unlink(missing_ok=True)
            raise
        self._fd = fd

    def close(self) -> None:
        """Remove the file, unless a call is still open: the next process records that one."""
        if self._fd < 0 or _entries(self._fd):
            return
        self._path.unlink(missing_ok=True)
        self.abandon()

    def abandon(self) -> None:
        """Close the file: after a fork it is the parent's."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Begun).decode
_all: WeakSet[OpenCalls] = WeakSet()


def _after_fork() -> None:
    for calls in list(_all):
        calls.abandon()


os.register_at_fork(after_in_child=_after_fork)


class LeftCall(Struct, frozen=True):
    """A call whose process ended before it did."""

    #: None if the entry cannot be read.
    call: Begun | None
    file: int
    slot: int

    def clear(self) -> None:
        """Forget it, once its event is recorded."""
        os.pwrite(self.file, _FREE, self.slot * _SLOT)


def left_calls(directory: Path) -> Iterator[LeftCall]:
    """The open calls of processes that have ended; each must be cleared before the next is asked.

    Removes each file behind its last call. Raises `OSError`.
    """
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        with suppress(OSError):
            file = os.open(path, _READ)
            try:
                if _is_left(file, {os.geteuid(), directory.stat().st_uid}):
                    for slot, entry in _entries(file).items():
                        yield LeftCall(_call_in(entry), file, slot)
                    if not _entries(file):
                        path.unlink(missing_ok=True)
            finally:
                os.close(file)


def _is_left(file: int, owners: set[int]) -> bool:
    """Whether its process has ended; takes the lock, so that one process alone records it.

    A file of another user, in a directory where others can write, would be forged calls.
    """
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners:
        return False
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.fstat(file).st_nlink > 0


def _entries(file: int) -> dict[int, bytes]:
    data = os.pread(file, _MAX_SLOTS * _SLOT, 0)
    slots = (data[start : start + _SLOT] for start in range(0, len(data), _SLOT))
    return {number: slot for number, slot in enumerate(slots) if not slot.startswith(_FREE)}


def _call_in(entry: bytes) -> Begun | None:
    try:
        return _decode(entry.partition(b"\n")[0])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
