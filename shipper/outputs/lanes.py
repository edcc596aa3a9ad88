"""Several connections that share the lines of one `send`.

A lane is one connection and what it does with it. One lane alone works in the caller's thread. More
have threads: compressing and waiting let go of the interpreter. A lane that fails rests, and the
others go on without it; `send` waits for those that have lines, not for one that still connects.
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
from shipper.outputs.base import MAX_LANES, RETRY, BackoffConfig, LanesConfig, Outcome

_log = logging.getLogger(__name__)

#: What a window or request begins with when it starts slowly, and how it grows (Filebeat's).
_FIRST_LINES: Final = 10
_GROWTH: Final = 1.5


Place = TypeVar("Place")


def groups(places: Sequence[Place], config: LanesConfig) -> list[list[Place]]:
    """For each connection the places that it may use: one alone, or one after the other."""
    shuffled = random.sample(places, len(places))  # spreads the load of many shippers
    return ([[one] for one in shuffled] if config.loadbalance else [shuffled]) * config.workers


class Work:
    """The lines of one `send`: lanes take them part by part, and say what became of each."""

    def __init__(self, ends: Sequence[int], max_lines: int, max_bytes: int) -> None:
        """`ends` is where each line ends; a part has at most so many lines and bytes."""
        self.outcomes: list[Outcome] = [RETRY] * len(ends)
        self.is_begun = False
        self._ends, self._max_lines, self._max_bytes = ends, max_lines, max_bytes
        self._next = 0
        self._lock = threading.Lock()

    @property
    def is_taken(self) -> bool:
        """Whether no line is left to take."""
        return self._next == len(self._ends)

    def parts(self) -> int:
        """About how many parts it makes."""
        size_bytes = self._ends[-1] if self._ends else 0
        return max(-(-len(self._ends) // self._max_lines), -(-size_bytes // self._max_bytes))

    def take(self, max_lines: int, max_bytes: int) -> slice | None:
        """The next lines, in order; one that is over the bounds of bytes comes alone."""
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

    def settle(self, part: slice, outcomes: Sequence[Outcome]) -> None:
        """The outcomes of lines that were taken; those of which nothing is said are to retry."""
        with self._lock:
            self.outcomes[part] = outcomes
            self.is_begun = True


class Size:
    """How many lines to send at once: fewer after a failure, more again while they are taken."""

    __slots__ = ("_max", "lines")

    def __init__(self, max_lines: int, *, is_slow: bool = False) -> None:
        self._max = max_lines
        self.lines = min(_FIRST_LINES, max_lines) if is_slow else max_lines

    def grow(self) -> None:
        self.lines = min(int(self.lines * _GROWTH) + 1, self._max)

    def shrink(self) -> None:
        self.lines = max(self.lines // 2, 1)


#: What a lane makes its bytes of: the same for all parts of one `send`.
Job_contra = TypeVar("Job_contra", contravariant=True)
Job = TypeVar("Job")


class Lane(Protocol[Job_contra]):
    """One connection, used by one thread at a time."""

    def probe(self) -> str:
        """Prove that the destination answers, without sending an event; say what was proven."""
        ...

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection, as far as it knows."""
        ...

    def connect(self) -> None:
        """Be ready to send; no line is taken yet."""
        ...

    def run(self, work: Work, job: Job_contra) -> None:
        """Take lines and settle them until none is left; raise what ended it before."""
        ...

    def close(self) -> None:
        """Let go of the connection; the next `connect` opens a new one."""
        ...


class _Place(Struct, Generic[Job]):
    """A lane among others, and how long it rests."""

    lane: Lane[Job]
    rest_s: float
    until: float = 0.0
    is_down: bool = False
    #: A thread has it, which may be that of an earlier `send`, still about connecting.
    is_busy: bool = False

    def is_free(self, now: float) -> bool:
        return now >= self.until and not self.is_busy


class Lanes(Generic[Job]):
    """All lanes of an output."""

    def __init__(self, lanes: Sequence[Lane[Job]], backoff: BackoffConfig) -> None:
        if len(lanes) > MAX_LANES:
            what = f"hosts times workers makes {len(lanes)} connections; {MAX_LANES} at most"
            raise ConfigError([Problem("workers", what)])
        self._backoff = backoff
        self._places = [_Place(lane, backoff.init_s) for lane in lanes]
        self._turn = 0
        self._is_closed = False

    def deliver(self, work: Work, job: Job) -> Sequence[Outcome]:
        """One outcome a line; raises what is wrong if nothing at all was settled."""
        self._is_closed = False
        if len(self._places) == 1:
            errors = self._alone(work, job)
        elif work.parts() <= 1:
            errors = self._one_of(work, job)
        else:
            errors = self._together(work, job)
        if not work.is_begun and work.outcomes:
            waiting = Unavailable("every connection is still being opened")
            raise min(errors, key=_urgency, default=waiting)
        return work.outcomes

    def probe(self, hosts: int) -> str:
        """Probe the first lanes, one for each host; what one of them fails with is raised."""
        proven: list[str] = []
        failed: list[ShipperError] = []
        for place in self._places[:hosts]:
            try:
                proven.append(place.lane.probe())
            except (DeliveryError, ProtocolError) as error:
                failed.append(error)
        if len(failed) == 1 and not proven:
            raise failed[0]
        if failed:
            kind = Refused if any(isinstance(one, Refused) for one in failed) else Unavailable
            raise kind("; ".join([*map(str, failed), *(f"but {one}" for one in proven)]))
        return "; ".join(proven)

    def close(self) -> None:
        """Let go of every connection."""
        self._is_closed = True
        for place in self._places:
            if not place.is_busy:  # one that still connects sees to itself
                place.lane.close()

    def _alone(self, work: Work, job: Job) -> Sequence[ShipperError]:
        lane = self._places[0].lane
        try:
            lane.connect()
            lane.run(work, job)
        except (DeliveryError, ProtocolError) as error:
            return [error]
        return ()

    def _one_of(self, work: Work, job: Job) -> Sequence[ShipperError]:
        """Little work: a lane that is connected, or the first that can be."""
        errors: list[ShipperError] = []
        for place in sorted(self._free(), key=lambda place: not place.lane.is_connected):
            try:
                place.lane.connect()
            except (DeliveryError, ProtocolError) as error:
                errors.append(error)
                self._rest(place, error)
            else:
                return [*errors, *self._run(place, work, job)]
        return errors

    def _together(self, work: Work, job: Job) -> Sequence[ShipperError]:
        """Much work: as many lanes at once as it has parts."""
        crew = _Crew(work)
        for place in self._free()[: work.parts()]:
            about = (place, crew, job)
            # A daemon, so that a send that hangs does not keep the process.
            place.is_busy = True
            crew.join(threading.Thread(target=self._take_part, args=about, daemon=True))
        crew.wait()
        return crew.errors

    def _take_part(self, place: _Place[Job], crew: "_Crew", job: Job) -> None:
        """The work of a lane's thread; what cannot happen is raised where `deliver` was called."""
        try:
            place.lane.connect()
            if crew.begin():
                crew.errors += self._run(place, crew.work, job)
        except (DeliveryError, ProtocolError) as error:
            self._rest(place, error)
            crew.errors.append(error)
        except BaseException as error:  # noqa: BLE001  # raised again by `wait`
            crew.failure = error
        finally:
            place.is_busy = False
            if self._is_closed:
                place.lane.close()
            crew.leave()

    def _run(self, place: _Place[Job], work: Work, job: Job) -> Sequence[ShipperError]:
        try:
            place.lane.run(work, job)
        except TooLarge as error:
            return [error]  # the next part may do
        except (DeliveryError, ProtocolError) as error:
            self._rest(place, error)
            return [error]
        if place.is_down:
            _log.info("A connection that was away is back.")
        place.is_down, place.rest_s = False, self._backoff.init_s
        return ()

    def _free(self) -> list[_Place[Job]]:
        """The lanes that may work, each first in its turn; if all rest, all that can."""
        self._turn = (self._turn + 1) % len(self._places)
        places = self._places[self._turn :] + self._places[: self._turn]
        now = time.monotonic()
        return [one for one in places if one.is_free(now)] or [
            one for one in places if not one.is_busy
        ]

    def _rest(self, place: _Place[Job], error: ShipperError) -> None:
        if not place.is_down:
            _log.warning("The other connections go on without one: %s.", error)
        place.is_down = True
        place.until = time.monotonic() + place.rest_s
        place.rest_s = min(place.rest_s * 2, self._backoff.max_s)


class _Crew:
    """The lanes at work on one `send`."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.errors: list[ShipperError] = []
        self.failure: BaseException | None = None
        self._changed = threading.Condition()
        self._connecting: set[threading.Thread] = set()
        self._working: set[threading.Thread] = set()
        self._is_over = False

    def join(self, thread: threading.Thread) -> None:
        self._connecting.add(thread)
        thread.start()

    def begin(self) -> bool:
        """Whether there is still something to do, now that this thread's lane is connected."""
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
        """Until every line is settled or given up."""
        with self._changed:
            self._changed.wait_for(self._is_done)
            self._is_over = True
        if self.failure is not None:
            raise self.failure

    def _is_done(self) -> bool:
        return not self._working and (not self._connecting or self.work.is_taken)


def _urgency(error: ShipperError) -> int:
    """What to tell of several: a line to blame, then what passes, then what somebody must mend."""
    if isinstance(error, Closed | TooLarge):
        return 0
    return 2 if isinstance(error, Refused) else 1
