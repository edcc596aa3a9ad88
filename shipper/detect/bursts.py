"""How often something happened in a short time, where it happens often: nothing is parsed."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from msgspec import Struct

from shipper.detect.memory import Group, Hit, Reason, span_of
from shipper.detect.times import seconds_of, text_of
from shipper.detect.windows import MAX_GROUPS

#: A window has at most a minute, so events of two hours are in one only around the full hour.
_HOUR, _MINUTE, _FIRST_MINUTE = len("2026-11-30T07"), slice(13, 16), ":00"


class _Burst(Struct, gc=False):
    #: The newest events, each its time and its id; full if they may make an alert.
    events: deque[tuple[str, str]]
    is_changed: bool = False
    #: Until when the group is part of an alert that was raised.
    quiet_until_s: float = 0.0


class Bursts:
    """The newest events of each group, as many as make an alert; a group fires once in a burst.

    Unlike `Windows`, it takes events in the order in which they come, and the journal keeps only
    the groups that can still fire.
    """

    def __init__(self, threshold: int, window_s: float, limit: int = MAX_GROUPS) -> None:
        self._threshold, self._window_s, self._limit = threshold, window_s, limit
        self._bursts: OrderedDict[Group, _Burst] = OrderedDict()
        self._changed: list[Group] = []
        self.forgotten = 0

    def count(self, group: Group, written: str, event_id: str) -> bool:
        """Add an event; whether it makes an alert."""
        burst = self._bursts.get(group)
        if burst is None:
            burst = self._bursts[group] = _Burst(deque(maxlen=self._threshold))
            self._forget()
        if not burst.is_changed:
            burst.is_changed = True
            self._changed.append(group)
            self._bursts.move_to_end(group)
        events = burst.events
        events.append((written, event_id))
        first = events[0][0]
        if first[:_HOUR] != written[:_HOUR] and written[_MINUTE] != _FIRST_MINUTE:
            return False  # the usual case
        return len(events) == self._threshold and self._is_alert(burst)

    def hit(self, group: Group, _hit: Hit) -> list[Hit]:
        """The events of the group: they were counted already."""
        burst = self._bursts.get(group)
        return [Hit(seconds_of(at) or 0.0, name) for at, name in burst.events] if burst else []

    def changed(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The groups that changed since the last call and can still fire, for `restore`."""
        bursts = [(group, burst) for group in self._changed if (burst := self._bursts.get(group))]
        newest_s = seconds_of(max((burst.events[-1][0] for _, burst in bursts), default="")) or 0.0
        since = text_of(newest_s - self._window_s)
        for group, burst in bursts:
            burst.is_changed = False
            if burst.events[-1][0] > since:
                yield group, _hits_of(burst), burst.quiet_until_s
        self._changed.clear()

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The events of each group."""
        for group, burst in self._bursts.items():
            yield group, _hits_of(burst), burst.quiet_until_s

    def restore(self, group: Group, hits: list[Hit], quiet_until_s: float) -> None:
        """Remember the events of a group."""
        events = deque(((hit.value, hit.id) for hit in hits), self._threshold)
        self._bursts[group] = _Burst(events, quiet_until_s=quiet_until_s)

    def reason(self, _group: Group, hits: list[Hit]) -> Reason:
        """How many are usual, and how many there were in which time."""
        usual = f"fewer than {self._threshold} within {span_of(self._window_s)}"
        return Reason(usual, f"{len(hits)} within {span_of(hits[-1].at_s - hits[0].at_s)}")

    def _is_alert(self, burst: _Burst) -> bool:
        first, last = burst.events[0][0], burst.events[-1][0]
        if first[:_HOUR] == last[:_HOUR] and int(last[14:16]) - int(first[14:16]) > 1:
            return False  # read from their minutes
        first_s, last_s = (seconds_of(burst.events[at][0]) or 0.0 for at in (0, -1))
        if last_s - first_s >= self._window_s:
            return False
        is_new = first_s > burst.quiet_until_s
        burst.quiet_until_s = max(burst.quiet_until_s, last_s + self._window_s)
        return is_new

    def _forget(self) -> None:
        if len(self._bursts) > self._limit:
            self._bursts.popitem(last=False)
            self.forgotten += 1


def _hits_of(burst: _Burst) -> list[Hit]:
    return [Hit(0.0, name, written) for written, name in burst.events]
