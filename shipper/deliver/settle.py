"""Settling a batch: send until every line is delivered or a dead letter."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters, Full, LossReporter
from shipper.deliver.holding import Decision, Holding, ranges
from shipper.deliver.poison import Attempt, Group, Settleable, Unsettled
from shipper.deliver.stats import TROUBLES, State, Stats
from shipper.errors import Closed, ProtocolError, Refused, TooLarge, Unavailable
from shipper.follow.batch import BadLine
from shipper.outputs.base import (
    DELIVERED,
    DIVERTED,
    DUPLICATE,
    RETRY,
    Failed,
    Held,
    Outcome,
    Output,
    Rejected,
)

_log = logging.getLogger(__name__)

#: Frequent attempts would only fill the logs of both sides until a person acts.
_REFUSED_INITIAL_S, _REFUSED_MAX_S = 30.0, 120.0
_FULL_INITIAL_S, _FULL_MAX_S = 5.0, 30.0

_AGAIN = "again and again, while it worked otherwise"

#: Waits for the given seconds; False if the pipeline is to stop.
_Sleep = Callable[[float], bool]


class Settled(Struct, frozen=True):
    """The outcomes of the lines of a batch."""

    #: How many the destination has, without those of the sources that are held.
    delivered: int
    dead_letters: Sequence[BadLine]
    #: Why the destination takes no line of a source, by the source's id.
    held: Mapping[int, str] = MappingProxyType({})


class Settler:
    """Sends batches to one output until they are settled."""

    def __init__(
        self,
        output: Output,
        dead_letters: DeadLetters,
        stats: Stats,
        *,
        name: str,
        sleep: _Sleep,
        backoff: Backoff,
        random: Callable[[], float],
        loss_reporter: LossReporter | None = None,
    ) -> None:
        """`loss_reporter` is informed of lines that become dead letters."""
        self._output, self._dead_letters, self._stats = output, dead_letters, stats
        self.name, self._sleep, self._loss_reporter = name, sleep, loss_reporter
        self._backoff = backoff
        self._slow = Backoff(_REFUSED_INITIAL_S, _REFUSED_MAX_S, random)
        self._full = Backoff(_FULL_INITIAL_S, _FULL_MAX_S, random)
        self._holding = Holding()
        #: Since when no line is settled, and since when the destination does not even answer
        #: (time.monotonic); None while lines are settled.
        self.stalled_since: float | None = None
        self.away_since: float | None = None

    def settle(self, batch: Settleable) -> Settled | None:
        """Send until every line is delivered or a dead letter, or its source is held.

        None if stopped before.
        """
        rest = Unsettled(batch)
        while rest:
            group = rest.next()
            attempt = self._attempt(group, rest)
            rest.apply(attempt)
            if rest.can_hold:
                rest.hold_failed(self._holding.closings)
            if rest and attempt.delay_s is not None and not self._sleep(attempt.delay_s):
                return None
        held = self._decided(batch, rest)
        settled = batch.without(held.sources) if held.sources else batch
        rejected = [*rest.rejected, *held.given_up]
        if held.sources:
            rejected = list(_of_others(rejected, batch.counts(), held.sources))
        bad_lines = [*settled.rejects(), *(batch.reject(*one) for one in rejected)]
        if bad_lines and not self._add_dead_letters(bad_lines):
            return None
        waiting = sum(count for source, count in batch.counts() if source in held.sources)
        delivered = rest.total - waiting - len(rejected)
        return Settled(delivered, bad_lines, held.sources)

    def _decided(self, batch: Settleable, rest: Unsettled) -> Decision:
        """Which sources are held; logged when the first is, and when none is any more."""
        before = self._holding.is_active
        held = self._holding.decide(batch.counts(), rest)
        if held.sources and not before:
            _log.error(
                "Output %s takes no line of %d files, trying again; the others go on: %s.",
                *(self.name, len(held.sources), next(iter(held.sources.values()))),
            )
        elif before and not self._holding.is_active:
            _log.info("Output %s takes the lines of every file again.", self.name)
        return held

    def _attempt(self, group: Group, rest: Unsettled) -> Attempt:
        """Send once; `rest` is what is left without the group."""
        in_doubt = rest.in_doubt()
        try:
            outcomes = self._output.send(group.lines)
        except Closed as error:
            self._stall()
            self._enter(State.UNAVAILABLE, error)
            return self._after_closing(group.closed(error, self._stats.delivered, in_doubt), error)
        except (Unavailable, ProtocolError) as error:
            self._stall(is_away=True)
            self._enter(State.UNAVAILABLE, error)
            return self._later(group.cleared(), self._backoff.next_s())
        except Refused as error:
            self._stall(is_away=True)
            self._enter(State.REFUSED, error)
            return self._later(group.cleared(), self._slow.next_s())
        except TooLarge as error:
            if len(group.lines) > 1:
                return Attempt(group.halves())
            return Attempt(rejected=[(group.indexes[0], f"too large: {error}")])
        return self._after_answer(group, outcomes, in_doubt, can_hold=rest.can_hold)

    def _later(self, group: Group, delay_s: float) -> Attempt:
        self._stats.retried += len(group.lines)
        return Attempt([group], delay_s)

    def _after_closing(self, group: Group, error: Closed) -> Attempt:
        """What to do with lines on which the connection was closed without an answer."""
        if group.is_poisonous:
            strikes = f"{error}, {group.doubt.strikes} times while it worked otherwise"
            reason = f"the connection was closed on it: {strikes}"
            return Attempt(rejected=[(group.indexes[0], reason)])
        if group.is_to_halve:
            self._stats.retried += len(group.lines)
            return Attempt(group.halves(), self._backoff.first_s())
        delay_s = self._backoff.next_s()
        return self._later(group.waited(delay_s), delay_s)

    def _after_answer(
        self, group: Group, outcomes: Sequence[Outcome], in_doubt: int | None, *, can_hold: bool
    ) -> Attempt:
        """Count the outcomes; collect the lines to send again and those that are not taken."""
        delivered = self._count_delivered(group, outcomes)
        if delivered == len(group.lines) == len(outcomes):
            return Attempt()
        found = _sorted(group, outcomes)
        if found.held and not can_hold:
            self._stall(is_away=True)
            self._enter(State.REFUSED, Refused(found.held[0][1]))
            return self._later(group.cleared(), self._slow.next_s())
        left = [group.picked(found.again)] if found.again else []
        rejected = found.rejected
        if found.failed:
            others = None if found.again or in_doubt is None else in_doubt - 1
            places, reason = [at for at, _ in found.failed], found.failed[0][1]
            doubtful = group.failed(places, reason, self._stats.delivered, others)
            if doubtful.is_given_up:
                rejected = [*rejected, *_given_up(doubtful, found.failed)]
            else:
                left.append(doubtful)
        if (left or found.held) and not delivered:
            self._note_standstill(found.failed)
        if not left:
            return Attempt(rejected=rejected, held=found.held)
        self._stats.retried += sum(len(one.lines) for one in left)
        delay_s = self._backoff.next_s()
        return Attempt([one.waited(delay_s) for one in left], delay_s, rejected, found.held)

    def _note_standstill(self, failed: Sequence[tuple[int, str]]) -> None:
        """Note that the destination answers, and takes no line."""
        self._stall()
        if failed and not self._holding.is_active:
            self._enter(State.UNAVAILABLE, Unavailable(f"it fails on lines ({failed[0][1]})"))

    def _count_delivered(self, group: Group, outcomes: Sequence[Outcome]) -> int:
        delivered = outcomes.count(DELIVERED)  # compares identities first, in C
        if delivered != len(group.lines):
            delivered += outcomes.count(DUPLICATE) + outcomes.count(DIVERTED)
            self._stats.duplicates += outcomes.count(DUPLICATE)
            self._stats.diverted += outcomes.count(DIVERTED)
        self._stats.delivered += delivered
        if delivered:
            self._progress()
        return delivered

    def _progress(self) -> None:
        is_first = self._stats.last_ack_monotonic is None
        self._stats.last_ack_monotonic = time.monotonic()
        self.stalled_since = self.away_since = None
        self._backoff.reset()
        self._slow.reset()
        if self._stats.state is not State.DELIVERING:
            if self._stats.state in TROUBLES:
                _log.info("Output %s accepts lines again.", self.name)
            elif is_first:
                _log.info("Output %s has accepted its first lines.", self.name)
            self._stats.state = State.DELIVERING

    def _add_dead_letters(self, lines: Sequence[BadLine]) -> bool:
        """Write the lines to the dead letters, waiting until there is room."""
        while True:
            try:
                self._dead_letters.add(lines)
            except Full as error:
                self._stall(is_away=True)
                self._enter(State.FULL, error)
            else:
                break
            if not self._sleep(self._full.next_s()):
                return False
        self._full.reset()
        self.stalled_since = self.away_since = None
        self._stats.rejected += len(lines)
        if self._loss_reporter:
            self._loss_reporter.dead_lettered(lines)
        reason = lines[0].reject.reason
        _log.warning(
            "Output %s: %d lines became dead letters; the reason of the first: %s.",
            self.name,
            len(lines),
            reason,
        )
        return True

    def _stall(self, *, is_away: bool = False) -> None:
        """Note since when no line is settled."""
        now = time.monotonic()
        self.stalled_since = self.stalled_since or now
        self.away_since = (self.away_since or now) if is_away else None

    def _enter(self, state: State, error: Exception) -> None:
        """Note the error; log it when the state changes."""
        self._stats.last_error = str(error)
        if self._stats.state is state:
            return
        self._stats.state = state
        level = logging.WARNING if state is State.UNAVAILABLE else logging.ERROR
        _log.log(level, "Output %s is %s, trying again: %s.", self.name, state.value, error)


class _Sorted(NamedTuple):
    """The lines that are not delivered: by place in their group, or by index in the batch."""

    #: Places.
    again: Sequence[int]
    #: Places and reasons.
    failed: Sequence[tuple[int, str]]
    #: Indexes and reasons.
    rejected: Sequence[tuple[int, str]]
    held: Sequence[tuple[int, str]]


def _sorted(group: Group, outcomes: Sequence[Outcome]) -> _Sorted:
    again: list[int] = []
    failed: list[tuple[int, str]] = []
    rejected: list[tuple[int, str]] = []
    held: list[tuple[int, str]] = []
    for at, (index, outcome) in enumerate(zip(group.indexes, outcomes, strict=True)):
        if outcome is RETRY:
            again.append(at)
        elif isinstance(outcome, Failed):
            failed.append((at, outcome.reason))
        elif isinstance(outcome, Rejected):
            rejected.append((index, outcome.reason))
        elif isinstance(outcome, Held):
            held.append((index, outcome.reason))
    return _Sorted(again, failed, rejected, held)


def _of_others(
    rejected: Iterable[tuple[int, str]],
    counts: Sequence[tuple[int, int]],
    held: Collection[int],
) -> Iterator[tuple[int, str]]:
    """The rejected lines of the sources that are not held."""
    waiting = {index for source, indexes in ranges(counts) if source in held for index in indexes}
    return (one for one in rejected if one[0] not in waiting)


def _given_up(doubtful: Group, failed: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines that the destination fails on, as rejected ones with their reasons."""
    for index, (_, reason) in zip(doubtful.indexes, failed, strict=True):
        yield index, f"{reason} ({_AGAIN})"
