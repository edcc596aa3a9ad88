"""The alerts of `alerts.yml` as values."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from shipper.bounds import INNER, Bounds, Count
from shipper.catalog.check import NAME
from shipper.catalog.kql import Or, Range, datasets, leaves, parse
from shipper.catalog.load import builtin
from shipper.catalog.model import DATES, GROUPS, NUMBERS, Catalog
from shipper.errors import CatalogError
from shipper.yaml.node import YamlNode
from shipper.yaml.parse import parse as parse_yaml
from shipper.yaml.reader import Reader, close_to
from shipper.yaml.typed import into

_TACTIC, _TECHNIQUE = re.compile(r"TA\d{4}"), re.compile(r"T\d{4}")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Severity(StrEnum):
    """The severity of an alert, in Kibana's words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Tactic(Struct, frozen=True):
    """A tactic of MITRE ATT&CK."""

    id: str
    name: str


class Technique(Struct, frozen=True):
    """A technique of MITRE ATT&CK."""

    id: str
    name: str


class Attack(Struct, frozen=True):
    """The place of an alert in MITRE ATT&CK."""

    tactic: Tactic
    technique: Technique


class FirstSeen(Struct, frozen=True):
    """Fields whose values are new together if they did not occur together in `days` before."""

    fields: tuple[str, ...]
    days: Count


class Usual(Struct, frozen=True):
    """A group's own usual rate, known after `hours` hours with events, and how far above is odd."""

    hours: Count
    times: Count


class UsualHours(Struct, frozen=True):
    """A group's own usual hours of the day, known after `days` days."""

    days: Count


class Silence(Struct, frozen=True):
    """How long a group may be silent, until an event that matches `until` ends it."""

    minutes: Count
    until: str


class Alert(Struct, frozen=True, kw_only=True):
    """One row; the head of `alerts.yml` states when it fires."""

    name: Annotated[str, INNER]
    title: str
    description: str
    severity: Severity
    risk_score: Annotated[int, Bounds(0, 100)]
    query: str
    window_minutes: Count = 10
    #: How often an engine that polls runs the query.
    interval_minutes: Count = 5
    attack: Attack | None = None
    group_by: tuple[str, ...] = ()
    threshold: Count = 1
    distinct: str | None = None
    first_seen: FirstSeen | None = None
    after: str | None = None
    usual: Usual | None = None
    usual_hours: UsualHours | None = None
    silence: Silence | None = None
    sequence_gap: bool = False
    #: Other taxonomies.
    tags: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    #: For the person who reads the alert.
    note: str = ""

    @property
    def window_s(self) -> int:
        return self.window_minutes * 60

    @property
    def counted(self) -> str:
        """The query of the events that count: alerts do not, unless the row asks for them."""
        return _without_alerts(self.query)

    @property
    def other(self) -> str:
        """The query of the events that come first, or that end a silence; or empty."""
        return _without_alerts(self.after or (self.silence.until if self.silence else ""))

    @property
    def memory(self) -> str:
        """The row's way to count, by the key that stands for it; empty for plain counting."""
        return next(iter(_memories(self)), "")


def _memories(alert: Alert) -> Iterator[str]:
    return (name for name in _MEMORIES if getattr(alert, name))


#: The keys of which a row has at most one.
_MEMORIES = ("distinct", "first_seen", "after", "usual", "usual_hours", "silence", "sequence_gap")
#: Alerts are events in this dataset, and only they have this field.
_RAISED_IN, RAISED_BY = "mcp.threats", "mcp.threat.rule"


def _without_alerts(query: str) -> str:
    tree = parse(query)
    if tree is None or any(leaf.path == RAISED_BY for leaf in leaves(tree)):
        return query
    within = datasets(tree)
    if within is not None and _RAISED_IN not in within:
        return query
    inner = f"({query})" if isinstance(tree, Or) else query
    return f"{inner} and not {RAISED_BY} : *"


def alerts_of(catalog: Catalog) -> Mapping[str, Alert]:
    """The alerts by name: the shipped rows, and the operator's own laid over them, key by key.

    Raises `CatalogError` with every problem and its place.
    """
    added = catalog.alert_rows
    if added is None:
        return alerts()
    reader = Reader()
    rows = dict(_shipped().children or {})
    for name, row in reader.rows(added).items():
        rows[name] = row.over(rows.get(name))
    if reader.problems:
        raise CatalogError(reader.problems)
    return read_alerts(replace(added, children=rows), catalog)


@cache
def alerts() -> Mapping[str, Alert]:
    """The alerts as shipped, by name."""
    return read_alerts(_shipped(), builtin())


@cache
def _shipped() -> YamlNode:
    text = files("shipper.catalog").joinpath("alerts.yml").read_text(encoding="utf-8")
    tree, problems = parse_yaml(text, "alerts.yml")
    assert not problems
    return tree


def read_alerts(tree: YamlNode, catalog: Catalog) -> dict[str, Alert]:
    """Alerts by name; they may use the fields of the catalog.

    Raises `CatalogError` with every problem and its place; the values of a row are checked after
    its keys and types.
    """
    reader, found = Reader(), {}
    for name, row in reader.rows(tree).items():
        before = len(reader.problems)
        alert: Alert = into(reader, Alert, row, name=name)
        if len(reader.problems) > before:
            continue
        found[name] = alert
        for keys, what in _faults(alert, catalog):
            reader.note(row.at(*keys), what)
    if reader.problems:
        raise CatalogError(reader.problems)
    return found


_Fault = tuple[tuple[str, ...], str]


def _faults(alert: Alert, catalog: Catalog) -> Iterator[_Fault]:
    """The faults of a row, each with the keys that lead to it."""
    types = {path: row.type for path, row in catalog.fields.items()}
    if not NAME.fullmatch(alert.name):
        yield (), f"{alert.name!r} is not a valid name"
    if len(kinds := [*_memories(alert)]) > 1:
        yield (), f"takes one of {' and '.join(kinds)}, not both"
    if alert.attack:
        yield from _attack_faults(alert.attack)
    for what in _query_faults(alert.query, types):
        yield ("query",), what
    if alert.after is not None:
        yield from ((("after",), what) for what in _query_faults(alert.after, types))
    if alert.silence:
        found = _query_faults(alert.silence.until, types)
        yield from ((("silence", "until"), what) for what in found)
    for keys, path in _group_fields(alert):
        if path not in types:
            yield keys, f"unknown field {path!r}{close_to(path, types)}"
        elif types[path] not in GROUPS:
            yield keys, f"cannot group by {path!r}, which is {types[path]}"


def _attack_faults(attack: Attack) -> Iterator[_Fault]:
    if not _TACTIC.fullmatch(attack.tactic.id):
        yield ("attack", "tactic", "id"), "expected a tactic such as TA0001"
    if not _TECHNIQUE.fullmatch(attack.technique.id):
        yield ("attack", "technique", "id"), "expected a technique such as T1078"


def _query_faults(query: str, types: Mapping[str, str]) -> Iterator[str]:
    try:
        tree = parse(query)
    except ValueError as error:
        yield str(error)
        return
    if tree is None:
        yield "expected a query"
    for leaf in leaves(tree):
        if not leaf.path:
            yield "a value has no field before it"
        elif leaf.path not in types:
            yield f"unknown field {leaf.path!r}{close_to(leaf.path, types)}"
        elif isinstance(leaf, Range):
            yield from _range_faults(leaf, types[leaf.path])


def _range_faults(leaf: Range, kind: str) -> Iterator[str]:
    if kind not in NUMBERS | DATES:
        yield f"cannot compare {leaf.path!r}, which is neither a number nor a date"
    elif kind in NUMBERS and not _NUMBER.fullmatch(leaf.bound):
        yield f"cannot compare {leaf.path!r} with {leaf.bound!r}, which is not a number"


def _group_fields(alert: Alert) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from ((("group_by",), path) for path in alert.group_by)
    if alert.distinct:
        yield ("distinct",), alert.distinct
    if alert.first_seen:
        yield from ((("first_seen", "fields"), path) for path in alert.first_seen.fields)
