"""How often something usually happens, for each group, to find an hour that is far above."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import ceil, floor, inf
from statistics import median
from typing import Any

from msgspec import Struct

from shipper.detect.memory import Group, Hit, Reason

#: Combinations that a rule remembers, as `firsts` does.
_MAX_RATES = 100_000
#: Hours with events that make the usual rate.
_KEPT_HOURS = 32


class _Rate(Struct, gc=False):
    #: The hour that is counted, as in `2026-11-30T07`, and the events in it.
    hour: str
    count: int
    #: The count at which this hour is unusual; the least possible one until it is reached.
    limit: float
    #: The counts of earlier hours; an hour with an alert is left out, and raises no later limit.
    before: list[int]
    is_changed: bool = False
    #: Whether an hour ended since the journal was written.
    is_new_hour: bool = False
    #: What the caller has attached to the group.
    attached: Any = None


class Rates:
    """Events in each hour of each group, against the median of the group's own earlier hours.

    An hour fires once, when its count reaches `times` the median plus the median deviation from it,
    and at least `least`. Nothing fires before `hours` hours with events. Hours without any are not
    counted. An event of an earlier hour, from a stream that is behind, is not counted either.
    """

    def __init__(self, least: int, times: int, hours: int, limit: int = _MAX_RATES) -> None:
        self._least, self._times, self._hours = least, times, min(hours, _KEPT_HOURS)
        self._limit = limit
        self._rates: OrderedDict[Group, _Rate] = OrderedDict()
        self._changed: list[Group] = []
        self.forgotten = 0

    def quick(self, values: Any, written: str) -> Any:
        """Count an event of a known group in its current hour; None if that is not all.

        Called for nearly every event, so it takes the values as they are, and gives what is
        attached to the group.
        """
        try:
            rate = self._rates.get(values)
        except TypeError:  # a list
            return None
        if rate is None or rate.hour != written[:13] or not rate.is_changed:
            return None
        if rate.count + 1 == rate.limit or rate.attached is None:
            return None
        rate.count += 1
        return rate.attached

    def attach(self, values: Any, make: Callable[[], object]) -> None:
        """Attach something to a group that is known, unless it has something."""
        with suppress(TypeError):  # a list
            rate = self._rates.get(values)
            if rate and rate.attached is None:
                rate.attached = make()

    def count(self, group: Group, written: str, _event_id: str) -> bool:
        """Count an event of that time; whether it is the one that makes its hour unusual."""
        rate = self._rates.get(group)
        if rate is None:
            rate = self._rates[group] = _Rate(written[:13], 0, self._least, [])
            self._forget()
        elif not written.startswith(rate.hour):
            if written < rate.hour:
                return False
            self._begin(rate, written[:13])
            self._rates.move_to_end(group)
        rate.count += 1
        if not rate.is_changed:
            rate.is_changed = True
            self._changed.append(group)
        if rate.count != rate.limit:
            return False
        if rate.limit == self._least:  # reached rarely, so the rest is only computed here
            rate.limit = self._limit_of(rate.before)
        return rate.count == rate.limit

    def hit(self, _group: Group, hit: Hit) -> list[Hit]:
        """The event was counted already: it is the alert."""
        return [hit]

    def changed(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The hour of each group that was counted since the last call, for `restore`."""
        for group in self._changed:
            if rate := self._rates.get(group):
                yield group, (_hits_of(rate) if rate.is_new_hour else [_hit_of(rate)]), 0.0
                rate.is_changed = rate.is_new_hour = False
        self._changed.clear()

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The hours of each group, the current one last."""
        for group, rate in self._rates.items():
            yield group, _hits_of(rate), 0.0

    def restore(self, group: Group, hits: list[Hit], _at_s: float) -> None:
        """Remember earlier hours, and the current one; or the current one alone."""
        *before, current = hits
        hour, count = current.id, int(current.value)
        rate = self._rates.setdefault(group, _Rate(hour, 0, inf, []))
        if before:
            rate.before = [int(one.value) for one in before]
        rate.hour, rate.count = hour, count
        rate.limit = self._least if count < self._least else self._limit_of(rate.before)
        self._rates.move_to_end(group)

    def reason(self, group: Group, _hits: list[Hit]) -> Reason:
        """The usual rate, and that of the hour."""
        rate = self._rates[group]
        usual = f"{_usual_of(rate.before)} an hour, in {len(rate.before)} hours with any"
        return Reason(usual, f"{rate.limit:g} in the hour from {rate.hour}:00 UTC")

    def _begin(self, rate: _Rate, hour: str) -> None:
        if rate.count < rate.limit:
            rate.before.append(rate.count)
            del rate.before[:-_KEPT_HOURS]
        rate.hour, rate.count, rate.limit = hour, 0, self._least
        rate.is_new_hour = True

    def _limit_of(self, before: list[int]) -> float:
        if len(before) < self._hours:
            return inf
        middle, spread = _middle_of(before)
        return max(self._least, ceil(self._times * (middle + spread)))

    def _forget(self) -> None:
        if len(self._rates) > self._limit:
            self._rates.popitem(last=False)
            self.forgotten += 1


def _middle_of(counts: list[int]) -> tuple[float, float]:
    """The median, and the median deviation from it: a few odd hours do not change them."""
    middle = median(counts)
    return middle, median(abs(count - middle) for count in counts)


def _usual_of(counts: list[int]) -> str:
    """The counts of a usual hour, in words."""
    middle, spread = _middle_of(counts)
    least, most = max(1, floor(middle - spread)), ceil(middle + spread)
    return f"{least} to {most}" if least < most else f"{most}"


def _hit_of(rate: _Rate) -> Hit:
    return Hit(0.0, rate.hour, str(rate.count))


def _hits_of(rate: _Rate) -> list[Hit]:
    return [*(Hit(0.0, "", str(count)) for count in rate.before), _hit_of(rate)]
