"""Runs all rules over the events of audit streams."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from shipper.catalog import builtin
from shipper.catalog.alerts import Alert
from shipper.detect.bursts import Bursts
from shipper.detect.firsts import Firsts
from shipper.detect.memory import OTHER, Group, Hit, Memory, Reason
from shipper.detect.rates import Rates
from shipper.detect.reading import UNREADABLE, Reading, getter
from shipper.detect.rules import Note, Noted, Rule, values_of
from shipper.detect.silences import Silences

_HEAD = ("mcp.audit.stream.id", "event.sequence", "@timestamp", "event.id")
_head_of = getter(*_HEAD)
#: Where the dataset is in the lines of audit streams, which begin with their time.
_DATASET_AT = len('{"@timestamp":"2026-10-31T07:04:38.550440Z","data_stream":{"dataset":"')
_Get = Callable[[Any], Any]
#: The events of a dataset: what decodes the wanted fields, and the rules that may match, each with
#: what reads the fields that it groups by, unless they are those of the rule before.
_Kind = tuple[Callable[[bytes], Any], tuple[tuple[_Get | None, Note], ...]]
#: Streams whose highest sequence is kept, those of the newest events: a start of a process is one.
_MAX_STREAMS = 10_000


class Raised(Struct, frozen=True):
    """An alert that a rule raised: for which group, why, and the events that made it."""

    alert: Alert
    group: Mapping[str, str]
    hits: list[Hit]
    reason: Reason

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


#: The id of the event that comes after the gap is in the alert.
_GAP = Reason("each event is numbered one higher than the one before it", "one or more are missing")


class Engine:
    """The rules, and what they remember. One thread at a time.

    Each event counts once, however often its line comes: events of a stream are numbered, and the
    engine keeps the highest number of each. So it takes the lines of a stream in order. Of the
    streams, it keeps those of the newest events: an event of a forgotten one may count again.
    """

    def __init__(self, alerts: Iterable[Alert], *, max_streams: int = _MAX_STREAMS) -> None:
        self._rules = {alert.name: Rule(alert) for alert in alerts}
        self._gaps = [rule for rule in self._rules.values() if rule.alert.sequence_gap]
        counting = [rule for rule in self._rules.values() if not rule.alert.sequence_gap]
        named = {name for rule in counting for name in rule.datasets or ()}
        named |= {row.dataset for row in builtin().event_types.values()}
        self._kinds = {name.encode(): self._kind(counting, name) for name in sorted(named)}
        self._other = self._kind(counting, None)
        self._any = Reading(["data_stream.dataset"])
        self._max_streams = max_streams
        #: The highest sequence of each stream that was counted; the newest streams last.
        self.counted: dict[str, int] = {}
        #: The same of the events since the last `settle`.
        self._fresh: dict[str, int] = {}
        #: The stream of the last event, and what stands before the sequence in its lines.
        self._stream, self._mark = "", b'"id":"-'
        self._forgotten_streams = 0

    @property
    def forgotten(self) -> int:
        """How many groups and streams were forgotten, because only so many are kept."""
        groups = sum(rule.memory.forgotten for rule in self._rules.values())
        return groups + self._forgotten_streams

    def take(self, line: bytes) -> Sequence[tuple[Noted, Raised | None]]:
        """Count one event; every rule that it hits, and the alert that this raises, if it does."""
        dataset = line[_DATASET_AT : line.find(b'"', _DATASET_AT)]
        kind = self._kinds.get(dataset)
        if kind is None:
            kind = self._kind_of(line)
        elif not kind[1] and self._is_next(line):
            return ()  # a quarter of usual traffic: not decoded
        decode, rules = kind
        try:
            event = decode(line)
        except UNREADABLE:
            return ()
        stream, sequence, written, event_id = _head_of(event)
        last = self._fresh.get(stream) or self.counted.get(stream, 0)
        if sequence <= last or type(written) is not str:
            return ()
        self._fresh[stream] = sequence
        if stream != self._stream:
            self._stream, self._mark = stream, f'"id":"{stream}-'.encode()
        found, values = [], ()
        for get, note in rules:
            if get:
                values = get(event)
            if hit := note(event, values, written, event_id):
                found.append(hit)
        if last and sequence != last + 1:
            found += self._after_gap(event, written, event_id)
        return [(noted, self._raised(noted)) for noted in found] if found else ()

    def _is_next(self, line: bytes) -> bool:
        """Count an event that follows the last one in its stream; false if it may not."""
        at = line.rfind(self._mark)
        if at < 0:
            return False
        at += len(self._mark)
        digits = line[at : line.find(b'"', at)]
        if not digits.isdigit() or int(digits) != self._fresh.get(self._stream, -1) + 1:
            return False
        self._fresh[self._stream] += 1
        return True

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
        fresh, self._fresh, self._stream = self._fresh, {}, ""
        for stream in fresh:
            self.counted.pop(stream, None)
        self.counted |= fresh
        while len(self.counted) > self._max_streams:
            del self.counted[next(iter(self.counted))]
            self._forgotten_streams += 1
        return Settled(fresh, [*self._changed()])

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

    def _kind(self, rules: Iterable[Rule], dataset: str | None) -> _Kind:
        chosen = [rule for rule in rules if rule.datasets is None or dataset in rule.datasets]
        wanted = {path for rule in (*chosen, *self._gaps) for path in rule.paths}
        decode = Reading([*_HEAD, *sorted(wanted)]).decode
        noting: list[tuple[_Get | None, Note]] = []
        before: tuple[str, ...] | None = None
        for rule in sorted(chosen, key=lambda rule: rule.fields):
            noting.append((None if rule.fields == before else values_of(rule.fields), rule.note))
            before = rule.fields
        return decode, tuple(noting)

    def _kind_of(self, line: bytes) -> _Kind:
        """The kind of a line whose dataset is elsewhere, or is that of no rule."""
        event = self._any.event(line)
        dataset = str(event.f_data_stream.f_dataset) if event is not None else ""
        return self._kinds.get(dataset.encode(), self._other)

    def _after_gap(self, event: Any, written: str, event_id: object) -> list[Noted]:
        found = [
            rule.note(event, values_of(rule.fields)(event), written, event_id)
            for rule in self._gaps
        ]
        return [one for one in found if one]

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
        return Raised(rule.alert, named, hits, reason)


def _begin_of(rule: Rule) -> float | None:
    return rule.memory.begin_s if isinstance(rule.memory, Firsts) else None
