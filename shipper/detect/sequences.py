"""One kind of event after another, such as a permission after a denial."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator

from shipper.detect.memory import OTHER, Group, Hit, Reason, span_of
from shipper.detect.windows import MAX_GROUPS


class Sequences:
    """The newest events of each group that come first; the event that comes after them fires."""

    def __init__(self, threshold: int, window_s: float, limit: int = MAX_GROUPS) -> None:
        self._threshold, self._window_s, self._limit = threshold, window_s, limit
        self._before: OrderedDict[Group, list[Hit]] = OrderedDict()
        self.forgotten = 0

    def expects(self, group: Group, at_s: float) -> bool:
        """Whether an event came first, and not too long before."""
        if at_s - self._before[group][-1].at_s < self._window_s:
            return True
        del self._before[group]
        return False

    def __contains__(self, group: Group) -> bool:
        return group in self._before

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Note an event that comes first, or take those that came before this one."""
        if hit.value == OTHER:
            self._note(group, hit)
            return []
        before = self._before.get(group, [])
        found = [one for one in before if 0 <= hit.at_s - one.at_s < self._window_s]
        if len(found) < self._threshold:
            return []
        del self._before[group]  # the next event needs a new cause
        return [*found, hit]

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The events of each group that came first."""
        yield from ((group, hits, 0.0) for group, hits in self._before.items())

    def restore(self, group: Group, hits: list[Hit], _at_s: float) -> None:
        """Remember the events that came first."""
        self._before[group] = hits

    def reason(self, _group: Group, hits: list[Hit]) -> Reason:
        """How many came first, and how soon the last one followed."""
        count, took_s = len(hits) - 1, hits[-1].at_s - hits[0].at_s
        usual = f"neither within {span_of(self._window_s)} of the other"
        return Reason(usual, f"{count} first, and the other {span_of(took_s)} later")

    def _note(self, group: Group, hit: Hit) -> None:
        hits = self._before.setdefault(group, [])
        self._before.move_to_end(group)
        insort(hits, hit)
        del hits[: -4 * self._threshold]
        if len(self._before) > self._limit:
            self._before.popitem(last=False)
            self.forgotten += 1
