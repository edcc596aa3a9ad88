"""Runs all rules over the events of audit streams."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from shipper.catalog import builtin
from shipper.catalog.alerts import Alert
from shipper.detect.bursts import Bursts
from shipper.detect.firsts import Firsts
from shipper.detect.kinds import Kind
from shipper.detect.memory import OTHER, Group, Hit, Memory, Reason
from shipper.detect.rates import Rates
from shipper.detect.reading import UNREADABLE, Reading, getter
from shipper.detect.rules import Noted, Rule
from shipper.detect.silences import Silences
from shipper.detect.streams import MAX_STREAMS, Streams

_PLACE = ("mcp.audit.stream.id", "event.sequence")
_place_of = getter(*_PLACE)
#: Where the dataset is in the lines of audit streams, which begin with their time.
_DATASET_AT = len('{"@timestamp":"2026-10-31T07:04:38.550440Z","data_stream":{"dataset":"')
_AFTER_DATASET = b'","namespace":"'
#: The dataset and the first bytes after it: finding its end would take longer.
_DATASET = slice(_DATASET_AT, _DATASET_AT + len('mcp.compliance"'))


def _key(dataset: str) -> bytes:
    """The bytes at `_DATASET` of an event of the dataset."""
    return (dataset.encode() + _AFTER_DATASET)[: _DATASET.stop - _DATASET.start]


class Raised(Struct, frozen=True):
    """An alert that a rule raised: for which group, why, and the events that made it."""

    alert: Alert
    group: Mapping[str, str]
    hits: list[Hit]
    reason: Reason
    #: How many groups the rule had forgotten by then: their alerts are not raised.
    forgotten: int = 0

    @property
    def id(self) -> str:
        """The same for the same events: a rule, and the first event that contributed."""
        return f"{self.alert.name}:{self.hits[0].id}"


class Kept(Struct, frozen=True, array_like=True):
    """What a rule remembers of one group."""

    rule: str
    group: Group
    hits: list[Hit]
    at_s: float


class Settled(Struct, frozen=True):
    """What the lines since the last one changed, for the journal."""

    counted: Mapping[str, int]
    kept: Sequence[Kept]


#: A hit, and the alert that it raises, if it does.
Found = tuple[Noted, Raised | None]
#: The id of the event that comes after the gap is in the alert.
_GAP = Reason("each event is numbered one higher than the one before it", "one or more are missing")


class Engine:
    """The rules, and what they remember. One thread at a time.

    Each event counts once, however often its line comes: events of a stream are numbered, and the
    engine keeps the highest number of each. So it takes the lines of a stream in order. Of the
    streams, it keeps those of the newest events: an event of a forgotten one may count again.
    """

    def __init__(self, alerts: Iterable[Alert], *, max_streams: int = MAX_STREAMS) -> None:
        self._rules = {alert.name: Rule(alert) for alert in alerts}
        self._gaps = [rule for rule in self._rules.values() if rule.alert.sequence_gap]
        counting = [rule for rule in self._rules.values() if not rule.alert.sequence_gap]
        named = {name for rule in counting for name in rule.datasets or ()}
        named |= {row.dataset for row in builtin().event_types.values()}
        self._named = {
            name: Kind(rule for rule in counting if rule.is_about(name)) for name in named
        }
        self._kinds = {_key(name): kind for name, kind in self._named.items()}
        self._other = Kind(rule for rule in counting if rule.datasets is None)
        self._placing = Kind(self._gaps, *_PLACE)
        self._any = Reading(["data_stream.dataset"])
        self.streams = Streams(max_streams)

    @property
    def forgotten(self) -> int:
        """How many groups and streams were forgotten, because only so many are kept."""
        groups = sum(rule.memory.forgotten for rule in self._rules.values())
        return groups + self.streams.forgotten

    def take(self, lines: Iterable[bytes]) -> list[Found]:
        """Count events; every rule that one hits, and the alert that this raises, if it does."""
        found: list[Found] = []
        kinds, streams = self._kinds, self.streams
        for line in lines:
            kind = kinds.get(line[_DATASET]) or self._kind_of(line)
            if not kind.notes and streams.passes(line):
                continue  # a quarter of usual traffic: not decoded
            try:
                row = kind.row_of(event := kind.decode(line))
            except UNREADABLE:
                continue
            if row[1] == f"{streams.mark}{streams.last + 1}":
                streams.last += 1
            elif not self._place(line, found):
                continue
            notes = kind.notes
            if quick := kind.quick:
                values = kind.values(row)
                left = quick(values, row[0])
                if left is None:
                    kind.learn(event, values)
                else:
                    notes = left
            for note in notes:
                if noted := note(event, row):
                    found.append((noted, self._raised(noted)))  # noqa: PERF401 - quicker
        return found

    def _place(self, line: bytes, found: list[Found]) -> bool:
        """Count an event that does not just follow, and note a gap; false if it was counted."""
        event = self._placing.decode(line)
        row, (stream, sequence) = self._placing.row_of(event), _place_of(event)
        last = self.streams.place(stream, sequence) if row[0] else -1
        if 0 < last < sequence - 1:
            noted = [one for note in self._placing.notes if (one := note(event, row))]
            found += ((one, self._raised(one)) for one in noted)
        return last >= 0

    def overdue(self, now_s: float) -> list[tuple[Noted, Raised | None]]:
        """The alerts about silences that last, each once."""
        found: list[tuple[Noted, Raised | None]] = []
        for name, rule in self._rules.items():
            if not isinstance(rule.memory, Silences):
                continue
            for group, last in rule.memory.overdue(now_s):
                raised = self._raise(rule, group, [last])
                ended = Noted(name, group, Hit(last.at_s, last.id, OTHER))
                self.recall(ended)
                found.append((ended, raised))
        return found

    def settle(self) -> Settled:
        """What changed since the last call; the streams of the oldest events are forgotten."""
        return Settled(self.streams.settle(), [*self._changed()])

    def remembered(self) -> Iterator[Kept]:
        """All that the rules remember, for `restore`."""
        for name, rule in self._rules.items():
            yield from (Kept(name, *one) for one in rule.memory.remembered())

    def restore(self, kept: Kept) -> None:
        """Remember a group as it was kept."""
        if memory := self._memory_of(kept.rule):
            memory.restore(kept.group, kept.hits, kept.at_s)

    @property
    def begins(self) -> dict[str, float]:
        """When each rule for new values saw its first event."""
        found = ((name, _begin_of(rule)) for name, rule in self._rules.items())
        return {name: begin_s for name, begin_s in found if begin_s is not None}

    def begin_at(self, begins: Mapping[str, float]) -> None:
        """Set when rules for new values saw their first event."""
        for name, begin_s in begins.items():
            if isinstance(memory := self._memory_of(name), Firsts):
                memory.begin_s = begin_s

    def recall(self, noted: Noted) -> None:
        """Remember a hit from before a restart; it raises nothing."""
        if memory := self._memory_of(noted.rule):
            memory.hit(noted.group, noted.hit)

    def _memory_of(self, name: str) -> Memory | None:
        rule = self._rules.get(name)
        return rule.memory if rule else None

    def _kind_of(self, line: bytes) -> Kind:
        """The kind of a line whose dataset is elsewhere, or is that of no rule."""
        event = self._any.event(line)
        dataset = str(event.f_data_stream.f_dataset) if event is not None else ""
        return self._named.get(dataset, self._other)

    def _changed(self) -> Iterator[Kept]:
        for name, rule in self._rules.items():
            if isinstance(rule.memory, Rates | Bursts):
                yield from (Kept(name, *one) for one in rule.memory.changed())

    def _raised(self, noted: Noted) -> Raised | None:
        rule = self._rules[noted.rule]
        found = rule.memory.hit(noted.group, noted.hit)
        return self._raise(rule, noted.group, found) if found else None

    def _raise(self, rule: Rule, group: Group, hits: list[Hit]) -> Raised:
        named = dict(zip(rule.fields, group, strict=True))
        reason = _GAP if rule.alert.sequence_gap else rule.memory.reason(group, hits)
        return Raised(rule.alert, named, hits, reason, rule.memory.forgotten)


def _begin_of(rule: Rule) -> float | None:
    return rule.memory.begin_s if isinstance(rule.memory, Firsts) else None
