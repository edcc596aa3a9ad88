"""The age of the oldest line that is in a file and not acknowledged.

A line's time is its own timestamp, or else the last change of its file, by which it was written.
The lines of a file are assumed to be in order of time.
"""

import re
import time
from datetime import datetime
from math import inf

from shipper.follow.batch import Batch
from shipper.follow.following import Following
from shipper.follow.source import Source

#: The product's lines start with the timestamp; foreign lines are searched only this far.
_HEAD_BYTES = 4096

#: How often to check the files that wait for their turn: each check reads from each of them.
_LOOK_INTERVAL_S = 1.0

_TIMESTAMP = re.compile(rb'"@timestamp"\s*:\s*"([^"]{16,40})"')


class Age:
    """Finds the oldest line among those about to be sent and those that wait."""

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
    time_s = time_of(head)
    return source.found.mtime_ns / 1e9 if time_s is None else time_s


def time_of(head: bytes) -> float | None:
    """The line's own timestamp, in seconds since 1970; `head` is the beginning of the line."""
    match = _TIMESTAMP.search(head.partition(b"\n")[0])
    if match is None:
        return None
    try:
        timestamp = datetime.fromisoformat(match[1].decode("ascii"))
    except ValueError:  # UnicodeDecodeError is one
        return None
    return timestamp.timestamp() if timestamp.tzinfo else None
