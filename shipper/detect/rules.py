"""One row of `alerts.yml` as a function of events, with its memory."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from shipper.catalog.alerts import Alert
from shipper.catalog.kql import And, Exists, Match, Node, datasets, leaves, parse
from shipper.detect.firsts import Firsts
from shipper.detect.matching import Predicate, predicate
from shipper.detect.memory import OTHER, Group, Hit, Memory
from shipper.detect.rates import Rates
from shipper.detect.reading import getter
from shipper.detect.sequences import Sequences
from shipper.detect.silences import Silences
from shipper.detect.windows import Windows


class Noted(Struct, frozen=True, array_like=True):
    """A hit of a rule, as the journal keeps it: what a restart has to know of an event."""

    rule: str
    group: Group
    hit: Hit


_MINUTE = len("2026-11-30T07:04:")
#: An event, its time, its id: the hit, if it matches and changes what is remembered.
Note = Callable[[Any, Any, object], Noted | None]


class Rule:
    """One alert, compiled."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self._tree, self._other = parse(alert.counted), parse(alert.other)
        assert self._tree is not None, "the catalog refuses an alert without a query"
        self.fields = alert.first_seen.fields if alert.first_seen else alert.group_by
        self.datasets = self._datasets()
        self.memory: Memory = _memory_of(alert)
        self._group = _texts_of(self.fields)
        self._matches = self._predicate(self._tree)
        self._is_other = self._predicate(self._other) if self._other else None
        self.note: Note = self._noting()

    @property
    def paths(self) -> Iterator[str]:
        """The fields that it reads."""
        yield from self.fields
        yield from (leaf.path for tree in (self._tree, self._other) for leaf in leaves(tree))
        if self.alert.distinct:
            yield self.alert.distinct

    def _datasets(self) -> frozenset[str] | None:
        found = [datasets(tree) for tree in (self._tree, self._other) if tree]
        return None if None in found else frozenset().union(*filter(None, found))

    def _predicate(self, tree: Node) -> Predicate | None:
        """Whether an event matches; None if every event of the rule's datasets does.

        Only events of these datasets come, and with all fields of the group: both need no check.
        """
        parts = tree.parts if isinstance(tree, And) else (tree,)
        is_one = self.datasets is not None and len(self.datasets) == 1
        kept = tuple(
            part
            for part in parts
            if not (isinstance(part, Exists) and part.path in self.fields)
            and not (is_one and isinstance(part, Match) and datasets(part) == self.datasets)
        )
        if not kept:
            return None
        return predicate(kept[0] if len(kept) == 1 else And(kept))

    def _noting(self) -> Note:
        if isinstance(self.memory, Firsts):
            return self._noting_firsts(self.memory)
        if isinstance(self.memory, Rates):
            return self._noting_rates(self.memory)
        if isinstance(self.memory, Sequences | Silences):
            return self._noting_two(self.memory)
        return self._noting_all()

    def _noting_firsts(self, memory: Firsts) -> Note:
        values_of, is_known, note = _values_of(self.fields), memory.is_known, self._noting_all()

        def firsts(event: Any, written: Any, event_id: object) -> Noted | None:
            # Nearly every event ends here.
            return None if is_known(values_of(event), written) else note(event, written, event_id)

        return firsts

    def _noting_rates(self, memory: Rates) -> Note:
        group_of, matches, count = self._group, self._matches, memory.count

        def rates(event: Any, written: Any, event_id: object) -> Noted | None:
            group = group_of(event)
            if group is None or (matches and not matches(event)) or not isinstance(written, str):
                return None
            return self._noted(group, written, event_id) if count(group, written) else None

        return rates

    def _noting_two(self, memory: Sequences | Silences) -> Note:
        sequences = memory if isinstance(memory, Sequences) else None
        is_other, matches = self._is_other, self._matches

        def two(event: Any, written: Any, event_id: object) -> Noted | None:
            group = self._group(event)
            if group is None:
                return None
            if is_other is None or is_other(event):
                return self._noted(group, written, event_id, OTHER)
            if sequences is not None and group not in sequences:
                return None  # the usual case
            if matches and not matches(event):
                return None
            noted = self._noted(group, written, event_id)
            if noted and sequences and not sequences.expects(group, noted.hit.at_s):
                return None
            return noted

        return two

    def _noting_all(self) -> Note:
        group_of, matches = self._group, self._matches
        value_of = getter(self.alert.distinct) if self.alert.distinct else None

        def every(event: Any, written: Any, event_id: object) -> Noted | None:
            if matches and not matches(event):
                return None
            group = group_of(event)
            if group is None:
                return None  # as in Kibana, an event without the field is in no group
            value = value_of(event) if value_of else ""
            return None if value is None else self._noted(group, written, event_id, str(value))

        return every

    def _noted(
        self, group: Group, written: object, event_id: object, value: str = ""
    ) -> Noted | None:
        at_s = _seconds(written)
        if at_s is None:
            return None
        return Noted(self.alert.name, group, Hit(at_s, str(event_id), value))


def _memory_of(alert: Alert) -> Memory:
    if alert.first_seen:
        return Firsts(alert.first_seen.days)
    if alert.usual:
        return Rates(alert.threshold, alert.usual.times, alert.usual.hours)
    if alert.after:
        return Sequences(alert.threshold, alert.window_s)
    if alert.silence:
        return Silences(alert.silence.minutes * 60.0)
    return Windows(alert.threshold, alert.window_s, is_distinct=bool(alert.distinct))


def _values_of(paths: tuple[str, ...]) -> Callable[[Any], Any]:
    """The values of the fields as they are, in a tuple."""
    get = getter(*paths)
    return get if len(paths) > 1 else lambda event: (get(event),)


def _texts_of(paths: tuple[str, ...]) -> Callable[[Any], Group | None]:
    """The values of the fields as texts; None if the event lacks one."""
    if not paths:
        return lambda _event: ()
    values_of = _values_of(paths)

    def texts(event: Any) -> Group | None:
        values = values_of(event)
        return None if None in values else tuple(map(str, values))

    return texts


def _seconds(text: Any) -> float | None:
    """The time of the event; None if it has none."""
    try:
        return _minute_s(text[:_MINUTE]) + float(text[_MINUTE:-1])
    except (TypeError, ValueError):
        return None


@lru_cache(16)
def _minute_s(text: str) -> float:
    """The minute, as in `2026-11-30T07:04:`; nearly all events are of few."""
    return datetime.fromisoformat(f"{text}00+00:00").timestamp()
