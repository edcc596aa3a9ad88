"""Runs all rules over the events of audit streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from shipper.catalog import builtin
from shipper.catalog.alerts import Alert
from shipper.catalog.kql import leaves, parse
from shipper.detect.firsts import Firsts
from shipper.detect.matching import datasets, predicate
from shipper.detect.reading import Reading
from shipper.detect.windows import Group, Hit, Windows

_HEAD = (
    *("mcp.audit.stream.id", "event.sequence", "data_stream.dataset"),
    *("@timestamp", "event.id"),
)
#: Where the dataset is in the lines of audit streams, which begin with their time.
_DATASET_AT = len('{"@timestamp":"2026-10-31T07:04:38.550440Z","data_stream":{')


class Raised(Struct, frozen=True):
    """An alert that a rule raised: for which group, and the events that made it."""

    alert: Alert
    group: Mapping[str, str]
    hits: list[Hit]

    @property
    def id(self) -> str:
        """The same for the same events: a rule, and the first event that contributed."""
        return f"{self.alert.name}:{self.hits[0].id}"


class Noted(Struct, frozen=True, array_like=True):
    """A hit of a rule, as the journal keeps it: what a restart has to know of an event."""

    rule: str
    group: Group
    hit: Hit


class Kept(Struct, frozen=True, array_like=True):
    """What a rule remembers of one group."""

    rule: str
    group: Group
    hits: list[Hit]
    at_s: float


class Engine:
    """The rules, and what they remember. One thread at a time.

    Each event counts once, however often its line comes: events of a stream are numbered, and the
    engine keeps the highest number of each. So it takes the lines of a stream in order.
    """

    def __init__(self, alerts: Iterable[Alert]) -> None:
        rules = [*alerts]
        trees = {alert.name: parse(alert.query) for alert in rules}
        paths = {leaf.path for tree in trees.values() for leaf in leaves(tree)}
        paths |= {path for alert in rules for path in _fields(alert)}
        self._reading = Reading([*_HEAD, *sorted(paths)])
        self._head = self._reading.getter(*_HEAD)
        self._rules = {alert.name: _Rule(alert, self._reading) for alert in rules}
        self._everywhere = [rule for rule in self._rules.values() if rule.datasets is None]
        self._by_dataset: dict[object, list[_Rule]] = {}
        for rule in self._rules.values():
            for dataset in rule.datasets or ():
                self._by_dataset.setdefault(dataset, [*self._everywhere]).append(rule)
        known = {row.dataset for row in builtin().event_types.values()}
        unwanted = set() if self._everywhere else known - self._by_dataset.keys()
        self._unwanted = tuple(f'"dataset":"{dataset}"'.encode() for dataset in unwanted)
        #: The highest sequence of each stream that was counted.
        self.counted: dict[str, int] = {}

    @property
    def forgotten(self) -> int:
        """How many groups were forgotten because a rule remembers only so many."""
        return sum(rule.memory.forgotten for rule in self._rules.values())

    def take(self, line: bytes) -> Sequence[tuple[Noted, Raised | None]]:
        """Count one event; every rule that it hits, and the alert that this raises, if it does."""
        if line.startswith(self._unwanted, _DATASET_AT):
            return ()  # a quarter of usual traffic: not decoded
        event = self._reading.event(line)
        if event is None:
            return ()
        stream, sequence, dataset, written, event_id = self._head(event)
        rules = self._by_dataset.get(dataset, self._everywhere)
        if not rules or sequence <= self.counted.get(stream, 0):
            return ()
        self.counted[stream] = sequence
        found = [hit for rule in rules if (hit := rule.note(event, written, event_id))]
        return [(noted, self._raised(noted)) for noted in found] if found else ()

    def remembered(self) -> Iterator[Kept]:
        """All that the rules remember, for `restore`."""
        for name, rule in self._rules.items():
            yield from (Kept(name, *one) for one in rule.memory.remembered())

    def restore(self, kept: Kept) -> None:
        """Remember a group as it was kept."""
        if rule := self._rules.get(kept.rule):
            rule.memory.restore(kept.group, kept.hits, kept.at_s)

    @property
    def begins(self) -> dict[str, float]:
        """When each rule for new values saw its first event."""
        found = ((name, _begin_of(rule)) for name, rule in self._rules.items())
        return {name: begin_s for name, begin_s in found if begin_s is not None}

    def begin_at(self, begins: Mapping[str, float]) -> None:
        """Set when rules for new values saw their first event."""
        for name, begin_s in begins.items():
            rule = self._rules.get(name)
            if rule and isinstance(rule.memory, Firsts):
                rule.memory.begin_s = begin_s

    def recall(self, noted: Noted) -> None:
        """Remember a hit from before a restart; it raises nothing."""
        if rule := self._rules.get(noted.rule):
            rule.memory.hit(noted.group, noted.hit)

    def _raised(self, noted: Noted) -> Raised | None:
        rule = self._rules[noted.rule]
        if found := rule.memory.hit(noted.group, noted.hit):
            return Raised(rule.alert, dict(zip(rule.fields, noted.group, strict=True)), found)
        return None


class _Rule:
    """One alert, compiled, with its memory."""

    def __init__(self, alert: Alert, reading: Reading) -> None:
        tree = parse(alert.query)
        assert tree is not None, "the catalog refuses an alert without a query"
        self.alert = alert
        self.datasets = datasets(tree)
        self._matches = predicate(tree, reading.getter)
        self.fields = alert.first_seen.fields if alert.first_seen else alert.group_by
        self._group = _texts_of(reading, self.fields)
        self._distinct = reading.getter(alert.distinct) if alert.distinct else None
        self.memory: Firsts | Windows = (
            Firsts(alert.first_seen.days)
            if alert.first_seen
            else Windows(alert.threshold, alert.window_s, is_distinct=bool(alert.distinct))
        )
        self._is_known = self.memory.is_known if isinstance(self.memory, Firsts) else None

    def note(self, event: Any, written: object, event_id: object) -> Noted | None:
        """The hit, if the event matches and changes what is remembered."""
        group = self._group(event)
        if group is None:
            return None  # as in Kibana, an event without the field is in no group
        if self._is_known and self._is_known(group, written):
            return None
        if not self._matches(event) or (at_s := _seconds(written)) is None:
            return None
        value = str(self._distinct(event)) if self._distinct else ""
        return Noted(self.alert.name, group, Hit(at_s, str(event_id), value))


def _texts_of(reading: Reading, paths: Sequence[str]) -> Callable[[Any], Group | None]:
    """The values of the fields as texts; None if the event lacks one."""
    if not paths:
        return lambda _event: ()
    get = reading.getter(*paths)
    if len(paths) == 1:
        return lambda event: None if (value := get(event)) is None else (str(value),)

    def texts(event: Any) -> Group | None:
        values = get(event)
        return None if None in values else tuple(map(str, values))

    return texts


def _begin_of(rule: _Rule) -> float | None:
    return rule.memory.begin_s if isinstance(rule.memory, Firsts) else None


def _fields(alert: Alert) -> Iterator[str]:
    yield from alert.group_by
    yield from alert.first_seen.fields if alert.first_seen else ()
    if alert.distinct:
        yield alert.distinct


def _seconds(text: object) -> float | None:
    """The time of the event; None if it has none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
