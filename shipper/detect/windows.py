"""Sliding windows: how often something happened, for each group, with bounded memory."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

Group = tuple[str, ...]
#: Groups that a rule remembers. An attacker who makes up names pushes out the quietest groups.
MAX_GROUPS = 10_000


class Hit(Struct, frozen=True, array_like=True, order=True):
    """An event that matched: when, in seconds, and its id; `value` is what is counted, if set."""

    at_s: float
    id: str
    value: str = ""


#: Before every event; a number that JSON has.
_NEVER = -1e12


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
        if self._threshold == 1:
            return [hit]  # nothing is counted: each event is an alert
        window = self._groups.get(group)
        if window is None:
            window = self._groups[group] = _Window([])
            self._forget()
        else:
            self._groups.move_to_end(group)
        insort(window.hits, hit)
        found = self._around(window.hits, hit)
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

    def _kept(self) -> int:
        # Twice the threshold would do if events came in order. Hits of equal values do not count.
        return self._threshold * (20 if self._is_distinct else 4)

    def _around(self, hits: list[Hit], hit: Hit) -> list[Hit]:
        """The first hits within one window, with this one among them, that reach the threshold."""
        for start, first in enumerate(hits):
            if first.at_s > hit.at_s:
                break
            if hit.at_s - first.at_s >= self._window_s:
                continue
            end_s = first.at_s + self._window_s
            found = [one for one in hits[start:] if one.at_s < end_s]
            if self._count(found) >= self._threshold:
                return found
        return []

    def _count(self, hits: list[Hit]) -> int:
        return len({one.value for one in hits}) if self._is_distinct else len(hits)

    def _forget(self) -> None:
        if len(self._groups) > self._limit:
            self._groups.popitem(last=False)
            self.forgotten += 1
