"""The rules of the catalog: each is a function that yields the faults that it finds."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from shipper.catalog.kql import leaves, parse
from shipper.catalog.model import Catalog, Clause, MCPEventType, ShownBy
from shipper.names import fault_of

#: ECS 9.5, allowed values of `event.category` with the `event.type` values expected of each.
ECS_TYPES = {
    "api": "access admin allowed change creation deletion denied end info start user",
    "authentication": "start end info",
    "configuration": "access change creation deletion info",
    "database": "access change info error",
    "file": "access change creation deletion info",
    "iam": "admin change creation deletion group info user",
    "intrusion_detection": "allowed denied info",
    "process": "access change end info start",
    "session": "start end info",
    "web": "access error info",
}
_ES_TYPES = {
    *("boolean", "constant_keyword", "date", "double", "flattened", "float", "ip", "keyword"),
    *("long", "match_only_text"),
}
#: The values of `event.kind` that an event type may have.
_KINDS = ("event", "alert", "state", "metric")
_PATH = re.compile(r"@?[a-z0-9_]+(\.[a-z0-9_]+)*")
NAME = re.compile(r"[a-z][a-z0-9_]*")
_INDEX = re.compile(r"[a-z0-9][a-z0-9-]*")


class Fault(NamedTuple):
    """Something wrong with the catalog, and the keys that lead to it."""

    place: tuple[str, ...]
    what: str


def faults_of(catalog: Catalog) -> Iterator[Fault]:
    """All faults of the catalog, rule by rule."""
    for rule in _RULES:
        yield from rule(catalog)


def _builtin_types_are_all_there(catalog: Catalog) -> Iterator[Fault]:
    for missing in {*MCPEventType} - catalog.event_types.keys():
        yield Fault(("event_types", missing), "a built-in type cannot be removed")


def _names_fit_their_use(catalog: Catalog) -> Iterator[Fault]:
    for name, row in catalog.event_types.items():
        for what, text, pattern in (("name", name, NAME), ("index", row.index, _INDEX)):
            if not pattern.fullmatch(text):
                yield Fault(("event_types", name, what), f"{text!r} is not a valid {what}")
        if fault := fault_of("dataset", row.dataset):
            yield Fault(("event_types", name, "dataset"), fault)


def _datasets_are_distinct(catalog: Catalog) -> Iterator[Fault]:
    for what in ("dataset", "index"):
        seen: dict[str, str] = {}
        for name, row in catalog.event_types.items():
            if (other := seen.setdefault(getattr(row, what), name)) != name:
                yield Fault(("event_types", name, what), f"already used by {other}")


def _fields_exist(catalog: Catalog) -> Iterator[Fault]:
    lists = {("common",): catalog.common} | {
        ("event_types", name, "fields"): row.fields for name, row in catalog.event_types.items()
    }
    for place, paths in lists.items():
        for path in paths:
            if path not in catalog.fields:
                yield Fault(place, f"unknown field {path!r}: add it under `fields`")


def _fields_are_well_formed(catalog: Catalog) -> Iterator[Fault]:
    for path, row in catalog.fields.items():
        if not _PATH.fullmatch(path):
            yield Fault(("fields", path), "a path is lower case words joined by dots")
        if row.type not in _ES_TYPES:
            yield Fault(
                ("fields", path, "type"),
                f"{row.type!r} is not one of {', '.join(sorted(_ES_TYPES))}",
            )


def _no_field_is_inside_another(catalog: Catalog) -> Iterator[Fault]:
    """A path cannot be both a value and an object: one line could not hold both."""
    for path in catalog.fields:
        parts = path.split(".")
        for end in range(1, len(parts)):
            if (outer := ".".join(parts[:end])) in catalog.fields:
                yield Fault(("fields", path), f"lies inside the field {outer!r}")


def _ecs_pairs_are_allowed(catalog: Catalog) -> Iterator[Fault]:
    for name, row in catalog.event_types.items():
        for category in row.category:
            if category not in ECS_TYPES:
                yield Fault(
                    ("event_types", name, "category"), f"{category!r} is not an ECS category"
                )
            elif extra := set(row.type) - set(ECS_TYPES[category].split()):
                yield Fault(
                    ("event_types", name, "type"),
                    f"{sorted(extra)} is not expected with {category!r}",
                )


def _kinds_are_ecs(catalog: Catalog) -> Iterator[Fault]:
    for name, row in catalog.event_types.items():
        if row.kind not in _KINDS:
            what = f"{row.kind!r} is not one of {', '.join(_KINDS)}"
            yield Fault(("event_types", name, "kind"), what)


def _frameworks_require_known_types(catalog: Catalog) -> Iterator[Fault]:
    for name, row in catalog.frameworks.items():
        for required in row.requires:
            if required not in catalog.event_types:
                yield Fault(("frameworks", name, "requires"), f"unknown event type {required!r}")


def _payload_rules_name_known_types(catalog: Catalog) -> Iterator[Fault]:
    for number, rule in enumerate(catalog.payloads, 1):
        for name in rule.event_types:
            if name not in catalog.event_types:
                yield Fault(("payloads",), f"unknown event type {name!r} in rule {number}")


def _own_secrets_can_be_found(catalog: Catalog) -> Iterator[Fault]:
    for place, what in catalog.secrets.faults():
        yield Fault(("secrets", *place), what)


def _clauses_can_be_answered(catalog: Catalog) -> Iterator[Fault]:
    for name, row in catalog.frameworks.items():
        for key, clause in row.clauses.items():
            for what in _clause_faults(clause, catalog):
                yield Fault(("frameworks", name, "clauses", key), what)


def _clause_faults(clause: Clause, catalog: Catalog) -> Iterator[str]:
    is_asked = clause.shown_by is ShownBy.EVENTS
    if is_asked != bool(clause.query):
        yield (
            f"shown_by: {clause.shown_by} and a query exclude each other"
            if clause.query
            else ("a query is required, or shown_by: integrity, retention or nothing")
        )
        return
    try:
        paths = [leaf.path for leaf in leaves(parse(clause.query))]
    except ValueError as error:
        yield f"the query cannot be read: {error}"
        return
    flattened = tuple(f"{row.path}." for row in catalog.fields.values() if row.type == "flattened")
    for path in paths:
        if path not in catalog.fields and not path.startswith(flattened):
            yield f"the query names an unknown field {path!r}"


def _aliases_are_distinct_within_a_type(catalog: Catalog) -> Iterator[Fault]:
    for name in catalog.event_types:
        seen: dict[str, str] = {}
        for path, row in catalog.fields_of(name).items():
            if row.alias and (other := seen.setdefault(row.alias, path)) != path:
                yield Fault(
                    ("fields", path, "alias"),
                    f"{row.alias!r} is already the alias of {other} in {name}",
                )


_RULES = (
    _builtin_types_are_all_there,
    _names_fit_their_use,
    _datasets_are_distinct,
    _fields_exist,
    _fields_are_well_formed,
    _no_field_is_inside_another,
    _ecs_pairs_are_allowed,
    _kinds_are_ecs,
    _frameworks_require_known_types,
    _payload_rules_name_known_types,
    _own_secrets_can_be_found,
    _clauses_can_be_answered,
    _aliases_are_distinct_within_a_type,
)
