"""Settling a batch: send until every line is delivered or in the dead letters."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from shipper.deliver.backoff import Backoff
from shipper.deliver.reject import QUARANTINED, Attest, DeadLetter, DeadLetters, Full
from shipper.deliver.stats import State, Stats
from shipper.errors import ProtocolError, Refused, TooLarge, Unavailable
from shipper.outputs.base import (
    DELIVERED,
    DIVERTED,
    DUPLICATE,
    RETRY,
    Lines,
    Outcome,
    Output,
    Rejected,
)

_log = logging.getLogger(__name__)

#: When a person must act, trying more often only fills the logs of both sides.
_REFUSED_INITIAL_S, _REFUSED_MAX_S = 30.0, 120.0
_FULL_INITIAL_S, _FULL_MAX_S = 5.0, 30.0

_TROUBLES = (State.UNAVAILABLE, State.REFUSED, State.FULL)

#: Waits so many seconds; False if the pipeline is to stop.
Sleep = Callable[[float], bool]


class Batch(Protocol):
    """Lines that are settled together."""

    def lines(self) -> Lines:
        """Those to send, in order."""
        ...

    def rejects(self) -> Iterator[DeadLetter]:
        """Those that are known to be bad beforehand."""
        ...

    def reject(self, index: int, reason: str) -> DeadLetter:
        """The line to send of that index, which the destination refused."""
        ...


@dataclass(frozen=True, slots=True)
class _Group:
    """Lines that are sent together, and which of the batch's they are."""

    indexes: Sequence[int]
    lines: Lines

    def halves(self) -> list["_Group"]:
        middle, end = len(self.lines) // 2, len(self.lines)
        return [
            _Group(self.indexes[:middle], self.lines.part(0, middle)),
            _Group(self.indexes[middle:], self.lines.part(middle, end)),
        ]


class Settler:
    """Sends batches to one output, however long it takes."""

    def __init__(
        self,
        output: Output,
        dead_letters: DeadLetters,
        stats: Stats,
        *,
        name: str,
        sleep: Sleep,
        backoff: Backoff,
        random: Callable[[], float],
        attest: Attest | None = None,
    ) -> None:
        """`attest` is told of the lines that went to the dead letters."""
        self._output, self._dead_letters, self._stats = output, dead_letters, stats
        self._name, self._sleep, self._attest = name, sleep, attest
        self._backoff = backoff
        self._slow = Backoff(_REFUSED_INITIAL_S, _REFUSED_MAX_S, random)
        self._full = Backoff(_FULL_INITIAL_S, _FULL_MAX_S, random)

    def settle(self, batch: Batch) -> bool:
        """Whether every line is delivered or in the dead letters; False if told to stop before."""
        letters = list(batch.rejects())
        lines = batch.lines()
        groups = [_Group(range(len(lines)), lines)] if lines else []
        while groups:
            left, delay_s = self._attempt(groups.pop(), batch, letters)
            groups += left
            if delay_s is not None and not self._sleep(delay_s):
                return False
        return not letters or self._bury(letters)

    def _attempt(
        self, group: _Group, batch: Batch, letters: list[DeadLetter]
    ) -> tuple[Sequence[_Group], float | None]:
        """Send once: what is left to send, last first, and how long to wait before."""
        left: Sequence[_Group] = [group]
        try:
            outcomes = self._output.send(group.lines)
        except (Unavailable, ProtocolError) as error:
            self._enter(State.UNAVAILABLE, error)
            delay_s = self._backoff.next_s()
        except Refused as error:
            self._enter(State.REFUSED, error)
            delay_s = self._slow.next_s()
        except TooLarge as error:
            if len(group.lines) > 1:
                return group.halves()[::-1], None
            letters.append(batch.reject(group.indexes[0], f"too large: {error}"))
            return (), None
        else:
            left = self._take(group, outcomes, batch, letters)
            if not left:
                return (), None
            delay_s = self._backoff.next_s()
        self._stats.retried += len(left[0].lines)
        return left, delay_s

    def _take(
        self, group: _Group, outcomes: Sequence[Outcome], batch: Batch, letters: list[DeadLetter]
    ) -> Sequence[_Group]:
        """Count the outcomes; the lines to send again, as a group if there are any."""
        delivered = outcomes.count(DELIVERED)  # compares identities first: a sweep in C
        if delivered != len(group.lines):
            delivered += outcomes.count(DUPLICATE) + outcomes.count(DIVERTED)
            self._stats.duplicates += outcomes.count(DUPLICATE)
            self._stats.diverted += outcomes.count(DIVERTED)
        self._stats.delivered += delivered
        if delivered:
            self._progress()
        if delivered == len(group.lines) == len(outcomes):
            return ()
        again: list[tuple[int, bytes]] = []
        for index, line, outcome in zip(group.indexes, group.lines, outcomes, strict=True):
            if outcome is RETRY:
                again.append((index, line))
            elif isinstance(outcome, Rejected):
                letters.append(batch.reject(index, outcome.reason))
        if not again:
            return ()
        return [_Group([index for index, _ in again], Lines.of(line for _, line in again))]

    def _progress(self) -> None:
        self._stats.last_ack_monotonic = time.monotonic()
        self._backoff.reset()
        self._slow.reset()
        if self._stats.state is not State.DELIVERING:
            if self._stats.state in _TROUBLES:
                _log.info("Output %s takes lines again.", self._name)
            self._stats.state = State.DELIVERING

    def _bury(self, letters: Sequence[DeadLetter]) -> bool:
        """Put the rejected lines on the disk; hold while there is no room for them."""
        while True:
            try:
                self._dead_letters.add(letters)
            except Full as error:
                self._enter(State.FULL, error)
            else:
                break
            if not self._sleep(self._full.next_s()):
                return False
        self._full.reset()
        self._stats.rejected += len(letters)
        if self._attest:
            self._attest(QUARANTINED, letters)
        reason = letters[0].reject.reason
        _log.warning(
            "Output %s: %d lines rejected, now in the dead letters; the first: %s.",
            self._name,
            len(letters),
            reason,
        )
        return True

    def _enter(self, state: State, error: Exception) -> None:
        """Note the trouble; say it when it begins or changes its kind."""
        self._stats.last_error = str(error)
        if self._stats.state is state:
            return
        self._stats.state = state
        level = logging.WARNING if state is State.UNAVAILABLE else logging.ERROR
        _log.log(level, "Output %s is %s, trying again: %s.", self._name, state.value, error)
