"""How old the oldest line is that is there and not acknowledged.

A line's age is by the time that it says it is of, else by its file's last change: it was there by
then. Lines within a file are taken to be in order.
"""

import re
import time
from datetime import datetime
from math import inf

from shipper.follow.batch import Batch
from shipper.follow.following import Following
from shipper.follow.source import Source

#: Our own lines have it first; foreign ones, which may have it anywhere, are not searched whole.
_HEAD_BYTES = 4096

#: Files that wait for their turn are looked at so often: each look reads from each of them.
_LOOK_INTERVAL_S = 1.0

_TIMESTAMP = re.compile(rb'"@timestamp"\s*:\s*"([^"]{16,40})"')


class Age:
    """Looks at the lines that are about to be sent, and at those that have to wait."""

    __slots__ = ("_next_look_s", "_waiting_s")

    def __init__(self) -> None:
        self._waiting_s = inf
        self._next_look_s = 0.0

    def oldest(self, batch: Batch, following: Following) -> float:
        """The time of the oldest line, in seconds since 1970; never in the future."""
        now_s = time.time()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _LOOK_INTERVAL_S
            waiting = following.waiting()
            times = (_time(one, one.peek(_HEAD_BYTES)) for one in waiting)
            self._waiting_s = min(times, default=inf)
        in_flight = (_time(one, chunk.lines.block[:_HEAD_BYTES]) for one, chunk in batch.parts)
        return min(now_s, self._waiting_s, *in_flight)


def _time(source: Source, head: bytes) -> float:
    told = time_of(head)
    return source.found.mtime_ns / 1e9 if told is None else told


def time_of(head: bytes) -> float | None:
    """The time that a line says it is of; `head` is its beginning."""
    match = _TIMESTAMP.search(head.partition(b"\n")[0])
    if match is None:
        return None
    try:
        told = datetime.fromisoformat(match[1].decode("ascii"))
    except ValueError:  # UnicodeDecodeError is one
        return None
    return told.timestamp() if told.tzinfo else None
