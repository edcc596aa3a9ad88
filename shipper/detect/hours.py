"""In which hours of the day something usually happens, for each group."""

from collections import OrderedDict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct, field

from shipper.detect.memory import Group, Hit, Reason
from shipper.detect.times import text_of
from shipper.detect.windows import MAX_GROUPS

_HOUR_S = 3600.0
_HOURS = 24
#: Fewer days with events make no habit.
_LEAST_DAYS = 5
_NEVER = -1
_FIRST = "first"


class _Day(Struct, gc=False):
    #: The first day, the number of different days with events, and the newest of them.
    first: int
    count: int = 0
    newest: int = _NEVER
    #: The newest day with an event in each hour of the day, in UTC.
    hours: list[int] = field(default_factory=lambda: [_NEVER] * _HOURS)


class Hours:
    """An hour is unusual if neither it nor the hours around it had an event in the last `days`.

    Nothing is unusual before `days` days, of which at least five had events.
    """

    def __init__(self, days: int, limit: int = MAX_GROUPS) -> None:
        self._days, self._limit = days, limit
        self._seen: OrderedDict[Group, _Day] = OrderedDict()
        #: The hour of the newest event of each group, as in `2026-11-30T07`.
        self._now: dict[Group, str] = {}
        self.forgotten = 0

    def is_known(self, values: Any, written: str) -> bool:
        """Whether the group had an event in the hour of that time, so that another changes nothing.

        It takes the values as they are.
        """
        try:
            return self._now.get(values) == written[:13]
        except TypeError:  # a list
            return False

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Note the hour; the hit, if it is in an unusual one."""
        day, hour = divmod(int(hit.at_s // _HOUR_S), _HOURS)
        self._now[group] = _text_of(hit.at_s // _HOUR_S)
        seen = self._seen.pop(group, None) or _Day(day)
        self._seen[group] = seen
        if len(self._seen) > self._limit:
            self._now.pop(self._seen.popitem(last=False)[0], None)
            self.forgotten += 1
        oldest, hours = day - self._days, seen.hours
        is_usual = max(hours[hour - 1], hours[hour], hours[(hour + 1) % _HOURS]) >= oldest
        is_habit = day - seen.first >= self._days and seen.count >= _LEAST_DAYS
        hours[hour] = max(hours[hour], day)
        if day > seen.newest:
            seen.newest, seen.count = day, seen.count + 1
        return [hit] if is_habit and not is_usual else []

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The hours of each group, for `restore`; first the days, each with their number."""
        for group, seen in self._seen.items():
            days = Hit(float(seen.first), _FIRST, str(seen.count))
            hours = [Hit(float(day), str(at)) for at, day in enumerate(seen.hours) if day >= 0]
            yield group, [days, *hours], float(seen.newest)

    def restore(self, group: Group, hits: list[Hit], at_s: float) -> None:
        """Remember the hours of a group."""
        days, *hours = hits
        seen = _Day(int(days.at_s), int(days.value), int(at_s))
        for hit in hours:
            seen.hours[int(hit.id)] = int(hit.at_s)
        self._seen[group] = seen

    def reason(self, group: Group, hits: list[Hit]) -> Reason:
        """The usual hours, and the time of the event."""
        seen, at_s = self._seen[group], hits[-1].at_s
        day, hour = divmod(int(at_s // _HOUR_S), _HOURS)
        oldest = day - self._days
        usual = [at for at, last in enumerate(seen.hours) if at != hour and last >= oldest]
        shown = ", ".join(f"{begin:02}:00 to {end:02}:59" for begin, end in _spans(usual))
        return Reason(f"{shown} UTC, in the last {self._days} days", f"{text_of(at_s)[11:16]} UTC")


@lru_cache(64)
def _text_of(number: float) -> str:
    """The hour, as in `2026-11-30T07`; nearly all events are of few."""
    return text_of(number * _HOUR_S)[:13]


def _spans(hours: list[int]) -> list[tuple[int, int]]:
    """The first and the last of hours that follow each other."""
    found: list[tuple[int, int]] = []
    for hour in hours:
        if found and found[-1][1] == hour - 1:
            found[-1] = (found[-1][0], hour)
        else:
            found.append((hour, hour))
    return found
