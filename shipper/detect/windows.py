"""Sliding windows: how often something happened, for each group, with bounded memory."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from operator import attrgetter

from msgspec import Struct

from shipper.detect.memory import Group, Hit, Reason, span_of

#: Groups that a rule remembers. An attacker who makes up names pushes out the quietest groups.
MAX_GROUPS = 10_000


#: Before every event; a number that JSON has.
_NEVER = -1e12


_time_of = attrgetter("at_s")


class _Window(Struct):
    hits: list[Hit]
    #: Until when the group is part of an alert that was raised.
    quiet_until_s: float = _NEVER


class Windows:
    """The newest hits of each group; a group fires once, however long its attack lasts.

    Events of several files come out of order: hits are kept by their own time, the newest of each
    group up to a few times the threshold.
    """

    def __init__(
        self, threshold: int, window_s: float, *, is_distinct: bool = False, limit: int = MAX_GROUPS
    ) -> None:
        self._threshold, self._window_s = threshold, window_s
        self._is_distinct, self._limit = is_distinct, limit
        self._groups: OrderedDict[Group, _Window] = OrderedDict()
        #: Groups that were forgotten because there were too many.
        self.forgotten = 0

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Add a hit; the hits that make an alert, if this one does."""
        if self._threshold == 1 and not group:
            return [hit]  # nothing is counted: each event is an alert
        window = self._groups.get(group)
        if window is None:
            window = self._groups[group] = _Window([])
            self._forget()
        else:
            self._groups.move_to_end(group)
        at = bisect_right(window.hits, hit)
        window.hits.insert(at, hit)
        found = self._around(window.hits, at) if len(window.hits) >= self._threshold else []
        del window.hits[: max(0, len(window.hits) - self._kept())]
        if not found:
            return []
        is_new = found[0].at_s > window.quiet_until_s
        window.quiet_until_s = max(window.quiet_until_s, found[-1].at_s + self._window_s)
        return found if is_new else []

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """What is kept of each group, for `restore`; the quietest group first."""
        for group, window in self._groups.items():
            yield group, window.hits, window.quiet_until_s

    def restore(self, group: Group, hits: list[Hit], quiet_until_s: float) -> None:
        """Remember what was kept of a group."""
        self._groups[group] = _Window(hits, quiet_until_s)

    def reason(self, _group: Group, hits: list[Hit]) -> Reason:
        """How many are usual, and how many there were in which time."""
        if self._threshold == 1:
            return Reason("no such event", "one")
        took_s = hits[-1].at_s - hits[0].at_s
        what = "different values" if self._is_distinct else "events"
        usual = f"fewer than {self._threshold} {what} within {span_of(self._window_s)}"
        return Reason(usual, f"{self._count(hits)} within {span_of(took_s)}")

    def _kept(self) -> int:
        # Twice the threshold would do if events came in order. Hits of equal values do not count.
        return self._threshold * (20 if self._is_distinct else 4)

    def _around(self, hits: list[Hit], at: int) -> list[Hit]:
        """The first hits within one window, with that one among them, that reach the threshold."""
        since_s = hits[at].at_s - self._window_s
        for start in range(bisect_right(hits, since_s, key=_time_of), at + 1):
            until_s = hits[start].at_s + self._window_s
            least = start + self._threshold - 1
            if least >= len(hits) or hits[least].at_s >= until_s:
                continue  # too few, whatever their values: the usual case
            found = hits[start : bisect_left(hits, until_s, key=_time_of)]
            if self._count(found) >= self._threshold:
                return found
        return []

    def _count(self, hits: list[Hit]) -> int:
        return len({one.value for one in hits}) if self._is_distinct else len(hits)

    def _forget(self) -> None:
        if len(self._groups) > self._limit:
            self._groups.popitem(last=False)
            self.forgotten += 1
