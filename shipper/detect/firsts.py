"""When values were seen last, to find those that are new."""

from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shipper.detect.memory import Group, Hit, Reason

#: Combinations that a rule remembers: users times tools of a large company.
MAX_VALUES = 100_000
_DAY_S = 86_400.0
#: Values that an explanation lists.
_SHOWN = 10


@lru_cache(64)
def _day_of(number: float) -> str:
    return datetime.fromtimestamp(number * _DAY_S, UTC).date().isoformat()


class Firsts:
    """The values of a rule's fields, each with the day it was last seen.

    A value is new if it was not seen for `days`. Until `days` after the first event of all, nothing
    is known about earlier values, so nothing is new.
    """

    def __init__(self, days: int, limit: int = MAX_VALUES) -> None:
        self._days_s, self._limit = days * _DAY_S, limit
        self._seen: OrderedDict[Group, float] = OrderedDict()
        self._days: dict[Group, str] = {}
        #: When the first event of all was seen.
        self.begin_s: float | None = None
        self.forgotten = 0

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The time each value was seen last, for `restore`."""
        yield from ((group, [], at_s) for group, at_s in self._seen.items())

    def restore(self, group: Group, _hits: list[Hit], at_s: float) -> None:
        """Remember when a value was seen last."""
        self._seen[group] = at_s

    def is_known(self, values: Any, written: object) -> bool:
        """Whether the value was seen on the day of that time: seeing it again changes nothing.

        Called for nearly every event, so it compares texts (`2026-11-30T…`) and reads no time, and
        takes the values as they are.
        """
        try:
            day = self._days.get(values)
        except TypeError:  # a list is no text that was seen
            return False
        return day is not None and isinstance(written, str) and written.startswith(day)

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Note the value; the hit, if it is the first of a new value."""
        if self.begin_s is None:
            self.begin_s = hit.at_s
        self._days[group] = _day_of(hit.at_s // _DAY_S)
        last_s = self._seen.pop(group, None)
        self._seen[group] = max(hit.at_s, last_s or hit.at_s)
        if len(self._seen) > self._limit:
            self._days.pop(self._seen.popitem(last=False)[0], None)
            self.forgotten += 1
        is_new = last_s is None or hit.at_s - last_s >= self._days_s
        return [hit] if is_new and hit.at_s - self.begin_s >= self._days_s else []

    def reason(self, group: Group, _hits: list[Hit]) -> Reason:
        """The values that were seen together with the first one, and the new ones."""
        others = [one[1:] for one in self._seen if one[0] == group[0] and one != group]
        shown = ", ".join(" ".join(one) for one in others[-_SHOWN:]) or "nothing"
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        usual = f"{shown}{more}, in the last {self._days_s / _DAY_S:.0f} days"
        return Reason(usual, " ".join(group[1:] or group))
