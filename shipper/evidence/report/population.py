"""One pass over a record: how many events match each query, and which of them are the sample.

The sample of a population are the events with the smallest SHA-256 of the seed followed by the
event's id. So anybody can draw it again, and it changes little when events are added.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from heapq import heappush, heappushpop
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from shipper.catalog.kql import Node, datasets
from shipper.detect.matching import Predicate, predicate
from shipper.detect.reading import Reading, getter
from shipper.evidence.blocks import Damaged, blocks
from shipper.evidence.query import TIME, Query
from shipper.evidence.report.model import Alerts, Sampled
from shipper.evidence.search import segments_within
from shipper.record.seal import unseal

#: Operations by which a record states that events are missing from it.
LOST = ("records-lost", "call-lost")
#: The same, and those that state that lines did not reach an output or were not signed.
_STATED = (*LOST, "lines-dropped", "lines-quarantined", "checkpoint-refused")
_ALWAYS = (
    *("event.id", "event.kind", "event.action", "event.outcome", "event.dataset", "user.id"),
    *("rule.name", "host.hostname", "service.name"),
    *("mcp.compliance.operation", "mcp.compliance.records"),
)


class Counted(Struct):
    """The events that one query has found."""

    query: Query
    count: int = 0
    first: bytes = b""
    last: bytes = b""
    #: The negative ranks of the sample, the largest rank first, with the ids.
    ranks: list[tuple[int, str]] = field(default_factory=list)

    @property
    def sample(self) -> Sequence[str]:
        """The ids of the sampled events, in the order of their ranks."""
        return [event_id for _, event_id in sorted(self.ranks, reverse=True)]

    def take(self, time: bytes, rank: int, event_id: str, size: int) -> None:
        """Count one event."""
        self.count += 1
        self.first = min(self.first or time, time)
        self.last = max(self.last, time)
        if len(self.ranks) < size:
            heappush(self.ranks, (-rank, event_id))
        elif size and -rank > self.ranks[0][0]:
            heappushpop(self.ranks, (-rank, event_id))


class Found(Struct, kw_only=True):
    """What a pass has found."""

    counted: Mapping[str, Counted]
    events: int = 0
    hosts: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    #: Losses that the record states: how many events and records, by operation.
    losses: Counter[str] = field(default_factory=Counter)
    alerts: dict[str, Alerts] = field(default_factory=dict)
    samples: dict[str, Sampled] = field(default_factory=dict)


def _rank_of(seed: str, event_id: str) -> str:
    """The digits by which events are ordered to draw a sample."""
    return sha256((seed + event_id).encode()).hexdigest()


def survey(
    paths: Iterable[Path], period: Query, queries: Mapping[str, Query], seed: str, size: int
) -> Found:
    """Count the events of the period that match each query, and draw a sample of each.

    A second pass reads the lines of the sample. Raises `OSError` where a path cannot be read.
    """
    files = list(segments_within(paths, period))
    found = Found(counted={text: Counted(query) for text, query in queries.items()})
    reader = _Reader(list(found.counted.values()), period)
    for path in files:
        for _, line in _lines(path):
            if event := reader.event(line):
                _count(found, reader, event, line, seed, size)
    wanted = {one for counted in found.counted.values() for one in counted.sample}
    found.samples = {one.id: one for one in _sampled(files, wanted, reader, seed)}
    return found


class _Reader:
    """Reads the fields that the queries need, once for each line."""

    def __init__(self, counted: Sequence[Counted], period: Query) -> None:
        paths = {path for one in counted for path in one.query.types}
        self._reading = Reading(sorted({*_ALWAYS, *paths}))
        self._is_within = period.within()
        self.get = {path: getter(path) for path in _ALWAYS}
        self._any: list[tuple[Counted, Predicate]] = []
        self._of: dict[str, list[tuple[Counted, Predicate]]] = {}
        for one in counted:
            self._place(one)

    def event(self, line: bytes) -> Any:
        """The event of a line; None if it is not of the period, or no sealed event."""
        if not self._is_within(line[TIME]):
            return None
        event = self._reading.event(line)
        return event if event is not None and self.get["event.id"](event) else None

    def matching(self, event: Any) -> Iterator[Counted]:
        """The queries that an event matches."""
        dataset = self.get["event.dataset"](event)
        for one, holds in (*self._any, *self._of.get(dataset, ())):
            if holds(event):
                yield one

    def _place(self, one: Counted) -> None:
        node, holds = one.query.node, self._predicate(one.query.node)
        names = datasets(node) if node else None
        if names is None:
            self._any.append((one, holds))
        for name in names or ():
            self._of.setdefault(name, []).append((one, holds))

    def _predicate(self, node: Node | None) -> Predicate:
        return predicate(node) if node else lambda _: True


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a file with their numbers."""
    number = 0
    with suppress(Damaged):
        for block in blocks(path):
            if block.endswith(b"\n"):
                for line in block.split(b"\n")[:-1]:
                    number += 1
                    yield number, line


def _count(found: Found, reader: _Reader, event: Any, line: bytes, seed: str, size: int) -> None:
    get, time = reader.get, line[TIME]
    found.events += 1
    found.hosts.add(str(get["host.hostname"](event)))
    if service := get["service.name"](event):
        found.services.add(str(service))
    _note(found, get, event, time)
    matching, event_id = list(reader.matching(event)), str(get["event.id"](event))
    if matching:
        rank = int(_rank_of(seed, event_id), 16)
        for one in matching:
            one.take(time, rank, event_id, size)


def _note(found: Found, get: Mapping[str, Callable[[Any], Any]], event: Any, time: bytes) -> None:
    """Note alerts, and what the record states as lost."""
    operation = get["mcp.compliance.operation"](event)
    if operation in _STATED:
        found.losses[operation] += get["mcp.compliance.records"](event) or 1
    if get["event.kind"](event) == "alert":
        rule = str(get["rule.name"](event) or get["event.action"](event))
        count = found.alerts[rule].count if rule in found.alerts else 0
        found.alerts[rule] = Alerts(rule, count + 1, time.decode())


def _sampled(
    files: Sequence[Path], wanted: set[str], reader: _Reader, seed: str
) -> Iterator[Sampled]:
    """The events with these ids, found again."""
    ids = {event_id.encode() for event_id in wanted}
    for path in files if wanted else ():
        for number, line in _lines(path):
            if _id_of(line) in ids and (event := reader.event(line)):
                yield _sample(reader, event, line, path, number, seed)


def _id_of(line: bytes) -> bytes:
    """The id of an event, which is in the last part of its line."""
    return line[line.rfind(b'"event":{') :].partition(b'"id":"')[2].partition(b'"')[0]


def _sample(
    reader: _Reader, event: Any, line: bytes, path: Path, number: int, seed: str
) -> Sampled:
    sealed = unseal(line)
    value = {name: get(event) for name, get in reader.get.items()}
    return Sampled(
        id=value["event.id"],
        time=line[TIME].decode("ascii", "replace") + "Z",
        dataset=str(value["event.dataset"]),
        action=str(value["event.action"]),
        user=value["user.id"],
        outcome=value["event.outcome"],
        path=str(path),
        line=number,
        hash=sealed[1].hex() if sealed else "",
        rank=_rank_of(seed, value["event.id"]),
    )
