"""Settling a batch: send until every line is delivered or in the dead letters."""

import logging
import time
from collections.abc import Callable, Sequence

from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters, Full, Witness
from shipper.deliver.poison import Batch, Group, Unsettled
from shipper.deliver.stats import State, Stats
from shipper.errors import Closed, ProtocolError, Refused, TooLarge, Unavailable
from shipper.follow.batch import DeadLetter
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, DIVERTED, DUPLICATE, RETRY, Outcome, Output, Rejected

_log = logging.getLogger(__name__)

#: When a person must act, trying more often only fills the logs of both sides.
_REFUSED_INITIAL_S, _REFUSED_MAX_S = 30.0, 120.0
_FULL_INITIAL_S, _FULL_MAX_S = 5.0, 30.0

_TROUBLES = (State.UNAVAILABLE, State.REFUSED, State.FULL)

#: Waits so many seconds; False if the pipeline is to stop.
Sleep = Callable[[float], bool]


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
        witness: Witness | None = None,
    ) -> None:
        """`witness` is told of the lines that went to the dead letters."""
        self._output, self._dead_letters, self._stats = output, dead_letters, stats
        self._name, self._sleep, self._witness = name, sleep, witness
        self._backoff = backoff
        self._slow = Backoff(_REFUSED_INITIAL_S, _REFUSED_MAX_S, random)
        self._full = Backoff(_FULL_INITIAL_S, _FULL_MAX_S, random)

    def settle(self, batch: Batch) -> bool:
        """Whether every line is delivered or in the dead letters; False if told to stop before."""
        rest = Unsettled(batch)
        while rest.groups:
            delay_s = self._attempt(rest, rest.groups.pop())
            if delay_s is not None and not self._sleep(delay_s):
                return False
        return not rest.letters or self._bury(rest.letters)

    def _attempt(self, rest: Unsettled, group: Group) -> float | None:
        """Send once, put back what is left to send, and say how long to wait before."""
        try:
            outcomes = self._output.send(group.lines)
        except Closed as error:
            self._enter(State.UNAVAILABLE, error)
            return self._doubt(rest, rest.closed(group, error, self._stats.delivered), error)
        except (Unavailable, ProtocolError) as error:
            self._enter(State.UNAVAILABLE, error)
            left, delay_s = group.absolved(), self._backoff.next_s()
        except Refused as error:
            self._enter(State.REFUSED, error)
            left, delay_s = group.absolved(), self._slow.next_s()
        except TooLarge as error:
            if len(group.lines) > 1:
                rest.put_back(*group.halves())
            else:
                rest.reject(group.indexes[0], f"too large: {error}")
            return None
        else:
            again = self._take(rest, group, outcomes)
            if again is None:
                return None
            left, delay_s = again, self._backoff.next_s()
        self._stats.retried += len(left.lines)
        rest.put_back(left)
        return delay_s

    def _doubt(self, rest: Unsettled, group: Group, error: Closed) -> float | None:
        """What to do with lines on which the connection was closed without a word."""
        if group.is_guilty:
            said = f"{error}, {group.strikes} times while it worked otherwise"
            rest.reject(group.indexes[0], f"the connection was closed on it: {said}")
            return None
        self._stats.retried += len(group.lines)
        if group.is_to_halve:
            rest.put_back(*group.halves())
            return self._backoff.first_s()
        delay_s = self._backoff.next_s()
        rest.put_back(group.waited(delay_s))
        return delay_s

    def _take(self, rest: Unsettled, group: Group, outcomes: Sequence[Outcome]) -> Group | None:
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
            return None
        again: list[tuple[int, bytes]] = []
        for index, line, outcome in zip(group.indexes, group.lines, outcomes, strict=True):
            if outcome is RETRY:
                again.append((index, line))
            elif isinstance(outcome, Rejected):
                rest.reject(index, outcome.reason)
        if not again:
            return None
        return Group([index for index, _ in again], Lines.of(line for _, line in again))

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
        if self._witness:
            self._witness.quarantined(letters)
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
