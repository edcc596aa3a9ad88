"""When to raise an alert: `alerts.yml` as values."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta, Struct

from shipper.catalog.check import NAME
from shipper.catalog.kql import Range, leaves, parse
from shipper.catalog.load import builtin
from shipper.catalog.model import DATES, GROUPS, NUMBERS, Catalog
from shipper.errors import CatalogError, Problem

_Positive = Annotated[int, Meta(ge=1)]


class Severity(StrEnum):
    """How bad it is; the words are those of Kibana."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Tactic(Struct, frozen=True, forbid_unknown_fields=True):
    """A tactic of MITRE ATT&CK."""

    id: Annotated[str, Meta(pattern=r"^TA\d{4}$")]
    name: str


class Technique(Struct, frozen=True, forbid_unknown_fields=True):
    """A technique of MITRE ATT&CK."""

    id: Annotated[str, Meta(pattern=r"^T\d{4}$")]
    name: str


class Attack(Struct, frozen=True, forbid_unknown_fields=True):
    """Where MITRE ATT&CK places an alert."""

    tactic: Tactic
    technique: Technique


class FirstSeen(Struct, frozen=True, forbid_unknown_fields=True):
    """Fields whose values are new together if they did not occur together in `days` before."""

    fields: Annotated[tuple[str, ...], Meta(min_length=1)]
    days: _Positive


class Alert(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row; the head of `alerts.yml` states when it fires."""

    name: str
    title: str
    description: str
    severity: Severity
    risk_score: Annotated[int, Meta(ge=0, le=100)]
    query: str
    window_minutes: _Positive
    #: How often an engine that polls runs the query.
    interval_minutes: _Positive
    attack: Attack
    group_by: tuple[str, ...] = ()
    threshold: _Positive = 1
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
    return read_alerts(yaml.safe_load(text), builtin(), "alerts.yml")


def read_alerts(rows: Mapping[str, object], catalog: Catalog, where: str) -> dict[str, Alert]:
    """Alerts by name; they may use the fields of the catalog.

    Raises `CatalogError` with every problem, but with only the first of a row of the wrong shape.
    """
    problems: list[Problem] = []
    found = {}
    for name, row in rows.items():
        try:
            found[name] = _alert(name, row)
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at `$")
            problems.append(Problem(f"{where}.{name}{path.rstrip('`')}", what))
    for name, alert in found.items():
        problems += (
            Problem(f"{where}.{name}.{key}", what) for key, what in _faults(alert, catalog)
        )
    if problems:
        raise CatalogError(problems)
    return found


def _alert(name: str, row: object) -> Alert:
    return msgspec.convert({"name": name, **row} if isinstance(row, Mapping) else row, Alert)


def _faults(alert: Alert, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Keys of a row, with what is wrong with each."""
    types = {path: row.type for path, row in catalog.fields.items()}
    if not NAME.fullmatch(alert.name):
        yield "name", f"{alert.name!r} is not a valid name"
    for what in _query_faults(alert.query, types):
        yield "query", what
    for key, path in _group_fields(alert):
        if path not in types:
            yield key, f"unknown field {path!r}"
        elif types[path] not in GROUPS:
            yield key, f"cannot group by {path!r}, which is {types[path]}"


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


def _group_fields(alert: Alert) -> Iterator[tuple[str, str]]:
    yield from (("group_by", path) for path in alert.group_by)
    if alert.distinct:
        yield "distinct", alert.distinct
    if alert.first_seen:
        yield from (("first_seen.fields", path) for path in alert.first_seen.fields)
