"""One row of `alerts.yml` as a function of events, with its memory."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from shipper.catalog.alerts import Alert
from shipper.catalog.kql import And, Exists, Match, Node, datasets, leaves, parse
from shipper.detect.bursts import Bursts
from shipper.detect.firsts import Firsts
from shipper.detect.matching import Predicate, predicate
from shipper.detect.memory import OTHER, Group, Hit, Memory
from shipper.detect.rates import Rates
from shipper.detect.reading import getter
from shipper.detect.sequences import Sequences
from shipper.detect.silences import Silences
from shipper.detect.times import seconds_of
from shipper.detect.windows import Windows


class Noted(Struct, frozen=True, array_like=True):
    """A hit of a rule, as the journal keeps it: what a restart has to know of an event."""

    rule: str
    group: Group
    hit: Hit


#: An event, the values of the rule's fields, its time, its id: the hit, if the event matches and
#: changes what is remembered.
Note = Callable[[Any, Any, str, object], Noted | None]
#: Values and a time: whether counting the event is all there is to do.
_Quick = Callable[[Any, str], bool]
#: A group, a time and an id: whether the event makes an alert.
_Count = Callable[[Group, str, str], bool]
#: A rule with a window of at most this length counts bursts.
_BURST_WINDOW_S = 60


class Rule:
    """One alert, compiled."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self._tree, self._other = parse(alert.counted), parse(alert.other)
        assert self._tree is not None, "the catalog refuses an alert without a query"
        self.fields = alert.first_seen.fields if alert.first_seen else alert.group_by
        self.datasets = self._datasets()
        self.memory: Memory = _memory_of(alert)
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
        match self.memory:
            case Firsts():
                return self._noting_firsts(self.memory)
            case Rates():
                return self._noting_counted(self.memory.quick, self.memory.count)
            case Bursts():
                return self._noting_counted(None, self.memory.count)
            case Sequences() | Silences():
                return self._noting_two(self.memory)
        return self._noting_all()

    def _noting_firsts(self, memory: Firsts) -> Note:
        is_known, note = memory.is_known, self._noting_all()

        def firsts(event: Any, values: Any, written: str, event_id: object) -> Noted | None:
            # Nearly every event ends here.
            if is_known(values, written):
                return None
            return note(event, values, written, event_id)

        return firsts

    def _noting_counted(self, quick: _Quick | None, count: _Count) -> Note:
        """For rules that match most events: only one that makes an alert is a hit."""
        matches = self._matches

        def slow(event: Any, values: Any, written: str, event_id: object) -> Noted | None:
            if matches and not matches(event):
                return None
            group = _group_of(values)
            if group is None or not count(group, written, str(event_id)):
                return None
            return self._noted(group, written, event_id)

        if quick is None or matches is not None:
            return slow

        def counted(event: Any, values: Any, written: str, event_id: object) -> Noted | None:
            return None if quick(values, written) else slow(event, values, written, event_id)

        return counted

    def _noting_two(self, memory: Sequences | Silences) -> Note:
        sequences = memory if isinstance(memory, Sequences) else None
        is_other, matches = self._is_other, self._matches

        def two(event: Any, values: Any, written: str, event_id: object) -> Noted | None:
            if is_other is None or is_other(event):
                group = _group_of(values)
                return self._noted(group, written, event_id, OTHER) if group is not None else None
            group = _group_of(values)
            if group is None or (sequences is not None and group not in sequences):
                return None  # the usual case
            if matches and not matches(event):
                return None
            noted = self._noted(group, written, event_id)
            if noted and sequences and not sequences.expects(group, noted.hit.at_s):
                return None
            return noted

        return two

    def _noting_all(self) -> Note:
        matches = self._matches
        value_of = getter(self.alert.distinct) if self.alert.distinct else None

        def every(event: Any, values: Any, written: str, event_id: object) -> Noted | None:
            if matches and not matches(event):
                return None
            group = _group_of(values)
            if group is None:
                return None  # as in Kibana, an event without the field is in no group
            value = value_of(event) if value_of else ""
            return None if value is None else self._noted(group, written, event_id, str(value))

        return every

    def _noted(self, group: Group, written: str, event_id: object, value: str = "") -> Noted | None:
        at_s = seconds_of(written)
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
    is_short = alert.window_s <= _BURST_WINDOW_S and alert.threshold > 1
    if is_short and not alert.distinct:
        return Bursts(alert.threshold, alert.window_s)
    return Windows(alert.threshold, alert.window_s, is_distinct=bool(alert.distinct))


def values_of(paths: tuple[str, ...]) -> Callable[[Any], Any]:
    """The values of the fields as they are, in a tuple."""
    if not paths:
        return lambda _event: ()
    get = getter(*paths)
    return get if len(paths) > 1 else lambda event: (get(event),)


def _group_of(values: Any) -> Group | None:
    """The values as texts; None if the event lacks one."""
    try:
        "".join(values)  # the quickest way to find that all are texts
    except TypeError:
        return None if None in values else tuple(map(str, values))
    group: Group = values
    return group
