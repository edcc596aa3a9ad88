"""When something was seen last that has to come again and again."""

from collections import OrderedDict
from collections.abc import Iterator

from shipper.detect.memory import OTHER, Group, Hit, Reason, span_of
from shipper.detect.windows import MAX_GROUPS


class Silences:
    """The newest event of each group; a pause that is longer than allowed fires once.

    It fires when the next event of the group comes, or before that when `overdue` is asked.
    """

    def __init__(self, allowed_s: float, limit: int = MAX_GROUPS) -> None:
        self._allowed_s, self._limit = allowed_s, limit
        self._last: OrderedDict[Group, Hit] = OrderedDict()
        self.forgotten = 0

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Note an event; the last one before a pause, and this one, if there was a pause."""
        if hit.value == OTHER:
            self._last.pop(group, None)
            return []
        last = self._last.pop(group, hit)
        self._last[group] = max(last, hit)
        if len(self._last) > self._limit:
            self._last.popitem(last=False)
            self.forgotten += 1
        return [last, hit] if hit.at_s - last.at_s > self._allowed_s else []

    def overdue(self, now_s: float) -> list[tuple[Group, Hit]]:
        """The groups that are silent for too long, each with its last event."""
        found = []
        for group, hit in self._last.items():
            if now_s - hit.at_s > self._allowed_s:
                found.append((group, hit))
        return found

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The last event of each group."""
        yield from ((group, [hit], 0.0) for group, hit in self._last.items())

    def restore(self, group: Group, hits: list[Hit], _at_s: float) -> None:
        """Remember the last event of a group."""
        [self._last[group]] = hits

    def reason(self, _group: Group, hits: list[Hit]) -> Reason:
        """How long it may be silent, and since when it is or how long it was."""
        usual = f"one at least every {span_of(self._allowed_s)}"
        if len(hits) == 1:
            return Reason(usual, "none since the last one")
        return Reason(usual, f"none for {span_of(hits[-1].at_s - hits[0].at_s)}")
