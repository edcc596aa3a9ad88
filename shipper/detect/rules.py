"""One row of `alerts.yml` as a function of events, with its memory."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from shipper.catalog.alerts import Alert
from shipper.catalog.kql import And, Exists, Match, Node, datasets, leaves, parse
from shipper.detect.bursts import Bursts
from shipper.detect.firsts import Firsts
from shipper.detect.hours import Hours
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


#: The fields that each row begins with.
HEAD = ("@timestamp", "event.id")
#: Time and id of an event, and the values of fields that rules group by.
Row = tuple[Any, ...]
#: Takes the values of a rule's group from a row.
Values = Callable[[Row], tuple[Any, ...]]
#: An event and its row: the hit, if the event matches and changes what is remembered.
Note = Callable[[Any, Row], Noted | None]
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
        counted, other = self._needed(self._tree), self._needed(self._other)
        self.matches = predicate(counted) if counted else None
        #: The fields that `matches` checks.
        self.checked = {leaf.path for leaf in leaves(counted)}
        self._is_other = predicate(other) if other else None
        #: The fields that it reads.
        self.paths = {
            *self.fields,
            *(leaf.path for tree in (counted, other) for leaf in leaves(tree)),
        }
        if alert.distinct:
            self.paths.add(alert.distinct)

    def _datasets(self) -> frozenset[str] | None:
        found = [datasets(tree) for tree in (self._tree, self._other) if tree]
        return None if None in found else frozenset().union(*filter(None, found))

    def _needed(self, tree: Node | None) -> Node | None:
        """The part of a query to be checked; None if every event of the rule's datasets matches.

        Only events of these datasets come, and with all fields of the group: both need no check.
        """
        parts = tree.parts if isinstance(tree, And) else (tree,) if tree else ()
        is_one = self.datasets is not None and len(self.datasets) == 1
        kept = tuple(
            part
            for part in parts
            if not (isinstance(part, Exists) and part.path in self.fields)
            and not (is_one and isinstance(part, Match) and datasets(part) == self.datasets)
        )
        return And(kept) if len(kept) > 1 else next(iter(kept), None)

    def is_about(self, dataset: str) -> bool:
        """Whether events of that dataset may match."""
        return self.datasets is None or dataset in self.datasets

    def note_of(self, values: Values, *, is_checked: bool = False) -> Note:
        """What notes an event in the memory; `values` takes those of its fields from a row.

        If `is_checked`, only events come that match.
        """
        match self.memory:
            case Firsts() | Hours():
                return self._noting_known(self.memory, values)
            case Rates() | Bursts():
                return self._noting_counted(
                    self.memory, values, None if is_checked else self.matches
                )
            case Sequences() | Silences():
                return self._noting_two(self.memory, values)
        return self._noting_all(values)

    def _noting_known(self, memory: Firsts | Hours, values: Values) -> Note:
        is_known, note = memory.is_known, self._noting_all(values)

        def known(event: Any, row: Row) -> Noted | None:
            # Nearly every event ends here.
            return None if is_known(values(row), row[0]) else note(event, row)

        return known

    def _noting_counted(
        self, memory: Rates | Bursts, values: Values, matches: Predicate | None
    ) -> Note:
        """For rules that match most events: only one that makes an alert is a hit."""
        count = memory.count

        def counted(event: Any, row: Row) -> Noted | None:
            if matches and not matches(event):
                return None
            group = _group_of(values(row))
            if group is None or not count(group, row[0], row[1]):
                return None
            return self._noted(group, row)

        return counted

    def _noting_two(self, memory: Sequences | Silences, values: Values) -> Note:
        sequences = memory if isinstance(memory, Sequences) else None
        is_other, matches = self._is_other, self.matches

        def two(event: Any, row: Row) -> Noted | None:
            group = _group_of(values(row))
            if group is None:
                return None
            if is_other is None or is_other(event):
                return self._noted(group, row, OTHER)
            if sequences is not None and group not in sequences:
                return None  # the usual case
            if matches and not matches(event):
                return None
            noted = self._noted(group, row)
            if noted and sequences and not sequences.expects(group, noted.hit.at_s):
                return None
            return noted

        return two

    def _noting_all(self, values: Values) -> Note:
        matches = self.matches
        value_of = getter(self.alert.distinct) if self.alert.distinct else None

        def every(event: Any, row: Row) -> Noted | None:
            if matches and not matches(event):
                return None
            group = _group_of(values(row))
            if group is None:
                return None  # as in Kibana, an event without the field is in no group
            value = value_of(event) if value_of else ""
            return None if value is None else self._noted(group, row, str(value))

        return every

    def _noted(self, group: Group, row: Row, value: str = "") -> Noted | None:
        at_s = seconds_of(row[0])
        if at_s is None:
            return None
        return Noted(self.alert.name, group, Hit(at_s, row[1], value))


def _memory_of(alert: Alert) -> Memory:
    return _baseline_of(alert) or _counting_of(alert)


def _baseline_of(alert: Alert) -> Memory | None:
    """What knows what is usual for a group, if the alert asks for that."""
    if alert.first_seen:
        return Firsts(alert.first_seen.days)
    if alert.usual_hours:
        return Hours(alert.usual_hours.days)
    if alert.usual:
        return Rates(alert.threshold, alert.usual.times, alert.usual.hours)
    return None


def _counting_of(alert: Alert) -> Memory:
    if alert.after:
        return Sequences(alert.threshold, alert.window_s)
    if alert.silence:
        return Silences(alert.silence.minutes * 60.0)
    is_short = alert.window_s <= _BURST_WINDOW_S and alert.threshold > 1
    if is_short and not alert.distinct:
        return Bursts(alert.threshold, alert.window_s)
    return Windows(alert.threshold, alert.window_s, is_distinct=bool(alert.distinct))


def _group_of(values: tuple[Any, ...]) -> Group | None:
    """The values as texts; None if the event lacks one."""
    try:
        "".join(values)  # the quickest way to find that all are texts
    except TypeError:
        return None if None in values else tuple(map(str, values))
    return values
