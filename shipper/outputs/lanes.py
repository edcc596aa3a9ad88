"""Several connections that share the lines of one `send`.

A lane is one connection and the code that uses it. A single lane works in the caller's thread.
Several have a thread each: compressing and waiting release the interpreter. A lane that fails
rests, and the others continue without it; `send` waits for lanes that have taken lines, not for
one that is still connecting.
"""

import logging
import random
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct

from shipper.errors import (
    Closed,
    ConfigError,
    DeliveryError,
    Problem,
    ProtocolError,
    Refused,
    ShipperError,
    TooLarge,
    Unavailable,
)
from shipper.outputs.base import RETRY, Outcome
from shipper.outputs.config import MAX_LANES, BackoffConfig, LanesConfig

_log = logging.getLogger(__name__)

#: Lines of the first window or request of a slow start, and its growth (Filebeat's numbers).
_FIRST_LINES: Final = 10
_GROWTH: Final = 1.5


_Host = TypeVar("_Host")


def groups(hosts: Sequence[_Host], config: LanesConfig) -> list[list[_Host]]:
    """For each connection the hosts that it may use: just one, or one after the other."""
    shuffled = random.sample(hosts, len(hosts))  # spreads the load of many shippers
    return ([[one] for one in shuffled] if config.loadbalance else [shuffled]) * config.workers


class Work:
    """The lines of one `send`, and what became of them; all lanes share it.

    Lanes take lines part by part, and record outcomes of lines and errors of connections.
    """

    def __init__(self, ends: Sequence[int], max_lines: int, max_bytes: int) -> None:
        """`ends`: where each line ends; `max_lines` and `max_bytes`: the bounds of a part."""
        self._outcomes: list[Outcome] = [RETRY] * len(ends)
        self._has_outcomes = False
        self._errors: list[BaseException] = []
        self._ends, self._max_lines, self._max_bytes = ends, max_lines, max_bytes
        self._next = 0
        self._lock = threading.Lock()

    @property
    def is_taken(self) -> bool:
        """Whether all lines are taken."""
        return self._next == len(self._ends)

    def parts(self) -> int:
        """The approximate number of parts."""
        size_bytes = self._ends[-1] if self._ends else 0
        return max(-(-len(self._ends) // self._max_lines), -(-size_bytes // self._max_bytes))

    def take(self, max_lines: int, max_bytes: int) -> slice | None:
        """The next lines, in order; a line over the bounds of bytes comes alone."""
        with self._lock:
            start = self._next
            if start == len(self._ends):
                return None
            before = self._ends[start - 1] if start else 0
            most = min(start + max_lines, start + self._max_lines, len(self._ends))
            room = before + min(max_bytes, self._max_bytes)
            stop = bisect_right(self._ends, room, start, most)
            self._next = max(stop, start + 1)
            return slice(start, self._next)

    def record(self, part: slice, outcomes: Sequence[Outcome]) -> None:
        """The outcomes of lines that were taken; lines without a record are to retry."""
        with self._lock:
            self._outcomes[part] = outcomes
            self._has_outcomes = True

    def fail(self, error: BaseException) -> None:
        """An error that ended the work of one lane."""
        with self._lock:
            self._errors.append(error)

    def result(self) -> Sequence[Outcome]:
        """One outcome per line; raises the most urgent error if no line has an outcome.

        An error that no lane should raise is raised in any case.
        """
        with self._lock:
            for error in self._errors:
                if not isinstance(error, ShipperError):
                    raise error
            if not self._has_outcomes and self._outcomes:
                waiting = Unavailable("every connection is still being opened")
                raise min(self._errors, key=_urgency, default=waiting)
            return self._outcomes


def _urgency(error: BaseException) -> int:
    """Which of several to raise: first about a line, then what passes, then for a person to fix."""
    if isinstance(error, Closed | TooLarge):
        return 0
    return 2 if isinstance(error, Refused) else 1


class Size:
    """How many lines to send at once: fewer after a failure, more after each success."""

    __slots__ = ("_max", "lines")

    def __init__(self, max_lines: int, *, is_slow: bool = False) -> None:
        self._max = max_lines
        self.lines = min(_FIRST_LINES, max_lines) if is_slow else max_lines

    def grow(self) -> None:
        self.lines = min(int(self.lines * _GROWTH) + 1, self._max)

    def shrink(self) -> None:
        self.lines = max(self.lines // 2, 1)


#: What a lane encodes: the same object for all parts of one `send`.
_Job_contra = TypeVar("_Job_contra", contravariant=True)
_Job = TypeVar("_Job")


class _Lane(Protocol[_Job_contra]):
    """One connection, used by one thread at a time."""

    def probe(self) -> str:
        """Prove that the destination answers, without sending an event; describe the proof."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as it is known."""
        ...

    def connect(self) -> None:
        """Open a connection, if there is no usable one; takes no line."""
        ...

    def run(self, work: Work, job: _Job_contra) -> None:
        """Take lines and record their outcomes until all are taken; raise what ended it before."""
        ...

    def close(self) -> None:
        """Close the connection; the next `connect` opens a new one."""
        ...


class _LaneState(Struct, Generic[_Job]):
    """A lane among others, and until when it rests."""

    lane: _Lane[_Job]
    rest_s: float
    until: float = 0.0
    is_down: bool = False
    #: A thread uses it; perhaps the thread of an earlier `send`, which is still connecting.
    is_busy: bool = False

    def is_free(self, now: float) -> bool:
        return now >= self.until and not self.is_busy


class Lanes(Generic[_Job]):
    """All lanes of an output."""

    def __init__(self, lanes: Sequence[_Lane[_Job]], backoff: BackoffConfig) -> None:
        if len(lanes) > MAX_LANES:
            what = f"hosts times workers makes {len(lanes)} connections; {MAX_LANES} at most"
            raise ConfigError([Problem("workers", what)])
        self._backoff = backoff
        self._states = [_LaneState(lane, backoff.init_s) for lane in lanes]
        self._turn = 0
        self._is_closed = False

    def deliver(self, work: Work, job: _Job) -> Sequence[Outcome]:
        """One outcome per line; raises an error if no line has an outcome."""
        self._is_closed = False
        if len(self._states) == 1:
            self._alone(work, job)
        elif work.parts() <= 1:
            self._one_of(work, job)
        else:
            self._together(work, job)
        return work.result()

    def probe(self, hosts: int) -> str:
        """Probe the first lanes, one for each host; raises if one of them fails."""
        proven: list[str] = []
        failed: list[ShipperError] = []
        for state in self._states[:hosts]:
            try:
                proven.append(state.lane.probe())
            except (DeliveryError, ProtocolError) as error:
                failed.append(error)
        if len(failed) == 1 and not proven:
            raise failed[0]
        if failed:
            kind = Refused if any(isinstance(one, Refused) for one in failed) else Unavailable
            raise kind("; ".join([*map(str, failed), *(f"but {one}" for one in proven)]))
        return "; ".join(proven)

    def close(self) -> None:
        """Close every connection."""
        self._is_closed = True
        for state in self._states:
            if not state.is_busy:  # a lane that is still connecting closes itself
                state.lane.close()

    def _alone(self, work: Work, job: _Job) -> None:
        lane = self._states[0].lane
        try:
            lane.connect()
            lane.run(work, job)
        except (DeliveryError, ProtocolError) as error:
            work.fail(error)

    def _one_of(self, work: Work, job: _Job) -> None:
        """Little work: use a lane that is connected, or the first that can connect."""
        for state in sorted(self._free(), key=lambda state: not state.lane.is_connected):
            try:
                state.lane.connect()
            except (DeliveryError, ProtocolError) as error:
                work.fail(error)
                self._rest(state, error)
            else:
                self._run(state, work, job)
                return

    def _together(self, work: Work, job: _Job) -> None:
        """Much work: use as many lanes at the same time as there are parts."""
        crew = _Crew(work)
        for state in self._free()[: work.parts()]:
            about = (state, crew, job)
            state.is_busy = True
            # A daemon, so that a send that hangs does not keep the process alive.
            crew.join(threading.Thread(target=self._take_part, args=about, daemon=True))
        crew.wait()

    def _take_part(self, state: _LaneState[_Job], crew: "_Crew", job: _Job) -> None:
        """The thread of one lane."""
        try:
            state.lane.connect()
            if crew.begin():
                self._run(state, crew.work, job)
        except (DeliveryError, ProtocolError) as error:
            self._rest(state, error)
            crew.work.fail(error)
        except BaseException as error:  # noqa: BLE001  # raised in the thread of `deliver`
            crew.work.fail(error)
        finally:
            state.is_busy = False
            if self._is_closed:
                state.lane.close()
            crew.leave()

    def _run(self, state: _LaneState[_Job], work: Work, job: _Job) -> None:
        try:
            state.lane.run(work, job)
        except TooLarge as error:
            work.fail(error)  # the next part may fit
        except (DeliveryError, ProtocolError) as error:
            self._rest(state, error)
            work.fail(error)
        else:
            if state.is_down:
                _log.info("A connection that was away is back.")
            state.is_down, state.rest_s = False, self._backoff.init_s

    def _free(self) -> list[_LaneState[_Job]]:
        """The lanes that may work, each first in its turn; if all rest, all that are not busy."""
        self._turn = (self._turn + 1) % len(self._states)
        states = self._states[self._turn :] + self._states[: self._turn]
        now = time.monotonic()
        return [one for one in states if one.is_free(now)] or [
            one for one in states if not one.is_busy
        ]

    def _rest(self, state: _LaneState[_Job], error: ShipperError) -> None:
        if not state.is_down:
            _log.warning("The other connections continue without one: %s.", error)
        state.is_down = True
        state.until = time.monotonic() + state.rest_s
        state.rest_s = min(state.rest_s * 2, self._backoff.max_s)


class _Crew:
    """The lanes at work on one `send`."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._changed = threading.Condition()
        self._connecting: set[threading.Thread] = set()
        self._working: set[threading.Thread] = set()
        self._is_over = False

    def join(self, thread: threading.Thread) -> None:
        self._connecting.add(thread)
        thread.start()

    def begin(self) -> bool:
        """Whether there is still work, now that the lane of this thread is connected."""
        with self._changed:
            self._connecting.discard(threading.current_thread())
            if not self._is_over:
                self._working.add(threading.current_thread())
            return not self._is_over

    def leave(self) -> None:
        with self._changed:
            self._connecting.discard(threading.current_thread())
            self._working.discard(threading.current_thread())
            self._changed.notify()

    def wait(self) -> None:
        """Until no lane is working, and all lines are taken or every lane has failed."""
        with self._changed:
            self._changed.wait_for(self._is_done)
            self._is_over = True

    def _is_done(self) -> bool:
        return not self._working and (not self._connecting or self.work.is_taken)
