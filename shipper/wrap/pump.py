"""Passes bytes between a client and a server as they come, and reports each message to a tee.

A block is passed on after a split at its newlines, without waiting for anything else. When one side
closes its end of a pipe, the other end is closed too, as if there were only one pipe.
"""

import os
import select
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct

from shipper.wire.jsonrpc import Framing, LineFraming
from shipper.wrap.tee import (
    CLIENT_GONE,
    FROM_CLIENT,
    FROM_SERVER,
    SERVER_GONE,
    Tee,
    write_all,
)

_BLOCK = 1 << 16
#: A thread with bytes to pass waits no longer for the others; Python's default is 5 ms.
_SWITCH_S = 1e-4
_GONE = select.POLLERR | select.POLLNVAL


class Ends(Struct, frozen=True):
    """Descriptors: the client's two, and ours of the server's two."""

    client_in: int
    client_out: int
    server_in: int
    server_out: int


def pump(ends: Ends, tee: Tee, framing: Callable[[], Framing] = LineFraming) -> None:
    """Pass bytes both ways until both directions have ended."""
    sys.setswitchinterval(_SWITCH_S)
    asks = _Direction(ends.client_in, ends.server_in, tee, FROM_CLIENT, framing())
    thread = threading.Thread(target=asks.run, args=(CLIENT_GONE, SERVER_GONE))
    thread.start()
    answers = _Direction(ends.server_out, ends.client_out, tee, FROM_SERVER, framing())
    answers.run(SERVER_GONE, CLIENT_GONE)
    thread.join()


class _Direction:
    def __init__(self, source: int, target: int, tee: Tee, kind: int, framing: Framing) -> None:
        self._source, self._target = source, target
        self._tee, self._kind, self._framing = tee, kind, framing

    def run(self, ended: int, refused: int) -> None:
        """Pass bytes on; report which side has gone: the source `ended` or the target `refused`."""
        try:
            gone = ended if self._pass() else refused
            self._report(b"")
            self._tee.put(gone)  # before the other side can notice, and go as well
        finally:
            os.close(self._target)
            os.close(self._source)

    def _pass(self) -> bool:
        """Whether it was the source that ended."""
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._target, 0)
        while True:
            found = dict(poll.poll())
            if found.get(self._target, 0) & _GONE:
                # If both have gone meanwhile, it counts as the server that went first.
                is_over = bool(found.get(self._source, 0) & select.POLLHUP)
                return is_over and self._kind == FROM_SERVER
            try:
                block = os.read(self._source, _BLOCK)
            except BlockingIOError:
                continue
            except OSError:  # a terminal that hung up
                return True
            if not block:
                return True
            self._report(block)  # first: the answer to it may be reported as soon as it is passed
            try:
                write_all(self._target, block)
            except OSError:
                return False

    def _report(self, block: bytes) -> None:
        with suppress(Exception):  # whatever it is, the bytes must pass
            looks = self._framing.feed(block) if block else self._framing.finish()
            for look in looks:
                self._tee.put(self._kind, look)
