"""How often something happened in a short time, where it happens often: nothing is parsed."""

from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from shipper.detect.memory import Group, Hit, Reason, span_of
from shipper.detect.times import seconds_of
from shipper.detect.windows import MAX_GROUPS

#: A window has at most a minute, so events of two hours are in one only around the full hour.
_HOUR, _MINUTE, _FIRST_MINUTE = len("2026-11-30T07"), len("2026-11-30T07:04"), ":00"


class _Burst(Struct):
    #: The newest events, each its time and its id.
    events: list[tuple[str, str]]
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
        self._newest = ""
        self.forgotten = 0

    def count(self, group: Group, written: str, event_id: str) -> bool:
        """Add an event; whether it makes an alert."""
        burst = self._bursts.get(group)
        if burst is None:
            burst = self._bursts[group] = _Burst([])
            self._forget()
        if not burst.is_changed:
            burst.is_changed = True
            self._changed.append(group)
            self._bursts.move_to_end(group)
        self._newest = written
        events = burst.events
        events.append((written, event_id))
        if len(events) < self._threshold:
            return False
        del events[: -self._threshold]
        first = events[0][0]
        if not written.startswith(first[:_HOUR]) and written[_HOUR:_MINUTE] != _FIRST_MINUTE:
            return False  # the usual case
        return self._is_alert(burst)

    def hit(self, group: Group, _hit: Hit) -> list[Hit]:
        """The events of the group: they were counted already."""
        burst = self._bursts.get(group)
        return [Hit(seconds_of(at) or 0.0, name) for at, name in burst.events] if burst else []

    def changed(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The groups that changed since the last call and can still fire, for `restore`."""
        since_s = (seconds_of(self._newest) or 0.0) - self._window_s
        for group in self._changed:
            if burst := self._bursts.get(group):
                burst.is_changed = False
                if (seconds_of(burst.events[-1][0]) or 0.0) > since_s:
                    yield group, _hits_of(burst), burst.quiet_until_s
        self._changed.clear()

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """The events of each group."""
        for group, burst in self._bursts.items():
            yield group, _hits_of(burst), burst.quiet_until_s

    def restore(self, group: Group, hits: list[Hit], quiet_until_s: float) -> None:
        """Remember the events of a group."""
        events = [(hit.value, hit.id) for hit in hits]
        self._bursts[group] = _Burst(events, quiet_until_s=quiet_until_s)

    def reason(self, _group: Group, hits: list[Hit]) -> Reason:
        """How many are usual, and how many there were in which time."""
        usual = f"fewer than {self._threshold} within {span_of(self._window_s)}"
        return Reason(usual, f"{len(hits)} within {span_of(hits[-1].at_s - hits[0].at_s)}")

    def _is_alert(self, burst: _Burst) -> bool:
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
