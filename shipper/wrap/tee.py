"""The pump's reports to the recorder: the parts of each message that it reads, in frames on a pipe.

The pump never waits for the recorder. Reports that the recorder has not taken yet are kept up to a
limit; further reports are left out and counted.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from struct import Struct as Layout
from typing import BinaryIO

from msgspec import Struct

from shipper.wire.jsonrpc import Look

#: Bytes of looks that wait for the recorder: it needs a moment to start.
_MAX_HELD = 8 << 20
#: When the session has ended, the recorder gets this long for what is held.
_LAST_S = 30
_HEAD = Layout("=BQQII")
FROM_CLIENT, FROM_SERVER, CLIENT_GONE, SERVER_GONE, LEFT_OUT = range(5)


class Frame(Struct, frozen=True):
    """What happened, when on the monotonic clock; a message, or how many were left out."""

    kind: int
    at_ns: int
    look: Look


class Tee:
    """The writing end, for both directions' threads. No method raises or waits for the reader."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._held: deque[bytes] = deque()
        self._bytes = self._left_out = 0
        self._is_done = False
        self._changed = threading.Condition()
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def put(self, kind: int, look: Look = Look(0, b"")) -> None:  # noqa: B008 - immutable
        frame = _packed(kind, look)
        with self._changed:
            if self._bytes + len(frame) > _MAX_HELD:
                self._left_out += 1
                return
            if self._left_out:
                self._hold(_packed(LEFT_OUT, Look(self._left_out, b"")))
                self._left_out = 0
            self._hold(frame)
            self._changed.notify()

    def close(self) -> None:
        """Write what is held, if the recorder takes it in time, and end."""
        with self._changed:
            if self._left_out:
                self._hold(_packed(LEFT_OUT, Look(self._left_out, b"")))
            self._is_done = True
            self._changed.notify()
        self._writer.join(_LAST_S)

    def _hold(self, frame: bytes) -> None:
        self._held.append(frame)
        self._bytes += len(frame)

    def _write(self) -> None:
        with suppress(OSError):  # the recorder has ended: the traffic goes on without it
            while frame := self._next():
                write_all(self._pipe, frame)
            os.close(self._pipe)
            return
        with self._changed:
            self._bytes = 2 * _MAX_HELD
            self._held.clear()

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._held and not self._is_done:
                self._changed.wait()
            if not self._held:
                return None
            frame = self._held.popleft()
            self._bytes -= len(frame)
            return frame


def frames_in(pipe: BinaryIO) -> Iterator[Frame]:
    """The frames until the pump has ended."""
    while len(head := pipe.read(_HEAD.size)) == _HEAD.size:
        kind, at_ns, size, of_head, of_tail = _HEAD.unpack(head)
        yield Frame(kind, at_ns, Look(size, pipe.read(of_head), pipe.read(of_tail)))


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; waits also where the descriptor is set not to. Raises `OSError`."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            select.select((), (descriptor,), ())


def _packed(kind: int, look: Look) -> bytes:
    sizes = len(look.head), len(look.tail)
    return _HEAD.pack(kind, time.monotonic_ns(), look.size, *sizes) + look.head + look.tail
