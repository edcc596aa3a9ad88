"""The alerts of `alerts.yml` as values."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

from msgspec import Struct

from shipper.bounds import INNER, Bounds, Count
from shipper.catalog.check import NAME
from shipper.catalog.kql import Range, leaves, parse
from shipper.catalog.load import builtin
from shipper.catalog.model import DATES, GROUPS, NUMBERS, Catalog
from shipper.errors import CatalogError
from shipper.yaml.node import YamlNode
from shipper.yaml.parse import parse as parse_yaml
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

_TACTIC, _TECHNIQUE = re.compile(r"TA\d{4}"), re.compile(r"T\d{4}")


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


class Alert(Struct, frozen=True, kw_only=True):
    """One row; the head of `alerts.yml` states when it fires."""

    name: Annotated[str, INNER]
    title: str
    description: str
    severity: Severity
    risk_score: Annotated[int, Bounds(0, 100)]
    query: str
    window_minutes: Count
    #: How often an engine that polls runs the query.
    interval_minutes: Count
    attack: Attack
    group_by: tuple[str, ...] = ()
    threshold: Count = 1
    distinct: str | None = None
    first_seen: FirstSeen | None = None
    #: Other taxonomies.
    tags: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()
    #: For the person who reads the alert.
    note: str = ""

    @property
    def window_s(self) -> int:
        return self.window_minutes * 60


@cache
def alerts() -> Mapping[str, Alert]:
    """The alerts as shipped, by name."""
    text = files("shipper.catalog").joinpath("alerts.yml").read_text(encoding="utf-8")
    tree, problems = parse_yaml(text, "alerts.yml")
    assert not problems
    return read_alerts(tree, builtin())


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
    if not _TACTIC.fullmatch(alert.attack.tactic.id):
        yield ("attack", "tactic", "id"), "expected a tactic such as TA0001"
    if not _TECHNIQUE.fullmatch(alert.attack.technique.id):
        yield ("attack", "technique", "id"), "expected a technique such as T1078"
    for what in _query_faults(alert.query, types):
        yield ("query",), what
    for keys, path in _group_fields(alert):
        if path not in types:
            yield keys, f"unknown field {path!r}"
        elif types[path] not in GROUPS:
            yield keys, f"cannot group by {path!r}, which is {types[path]}"


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
            yield f"unknown field {leaf.path!r}"
        elif isinstance(leaf, Range) and types[leaf.path] not in NUMBERS | DATES:
            yield f"cannot compare {leaf.path!r}, which is neither a number nor a date"


def _group_fields(alert: Alert) -> Iterator[tuple[tuple[str, ...], str]]:
    yield from ((("group_by",), path) for path in alert.group_by)
    if alert.distinct:
        yield ("distinct",), alert.distinct
    if alert.first_seen:
        yield from ((("first_seen", "fields"), path) for path in alert.first_seen.fields)
