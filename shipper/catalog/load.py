"""YAML to `Catalog`: the built-in rows, and an operator's own rows laid over them."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import yaml

from shipper.catalog.check import problems_of
from shipper.catalog.model import (
    AuditLevel,
    Catalog,
    Classification,
    EventType,
    Field,
    Framework,
    Sensitivity,
)
from shipper.catalog.read import Row
from shipper.errors import CatalogError, Problem

#: libyaml where PyYAML was built with it: every start reads the catalog, and it takes 5 ms for 40.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_SECTIONS = ("event_types", "fields", "frameworks")
_FIELD_KEYS = ("type", "meaning", "sensitivity", "alias")
_FRAMEWORK_KEYS = ("title", "retention_days", "requires", "basis")
_TYPE_KEYS = (
    *("meaning", "dataset", "index", "retention_days", "classification", "level", "kind"),
    *("category", "type", "action", "fields"),
)
#: How long a type of the operator's own is kept, where its row does not say.
_RETENTION_DAYS = 365
#: Names in a `fields` list that stand for what every event has anyway.
_IMPLIED = {"timestamp", "success", "severity", "duration_ms"}


@cache
def builtin() -> Catalog:
    """The catalog as shipped."""
    return _catalog({}, "catalog")


def overlaid(overlay: Mapping[str, object], where: str = "overlay") -> Catalog:
    """The built-in catalog with the operator's rows over it, key by key.

    `overlay` has the keys `event_types`, `fields` and `frameworks`, shaped as in `catalog.yml`;
    a list of fields may use the callers' names (`user_id`). Raises `CatalogError` with every
    problem.
    """
    return _catalog(overlay, where)


def _catalog(overlay: object, where: str) -> Catalog:
    problems: list[Problem] = []
    shipped = Row(_shipped_rows(), "catalog.yml", problems)
    theirs = Row(overlay, where, problems)
    theirs.only(_SECTIONS)
    fields = {name: _field(name, row) for name, row in _merged(shipped, theirs, "fields")}
    catalog = Catalog(
        ecs_version=shipped.text("ecs_version"),
        fields=fields,
        common=tuple(shipped.texts("common")),
        event_types={
            name: _type(name, row, fields, shipped.row("event_types").row(name).texts("fields", []))
            for name, row in _merged(shipped, theirs, "event_types")
        },
        frameworks={
            name: _framework(name, row) for name, row in _merged(shipped, theirs, "frameworks")
        },
    )
    problems += (Problem(f"{where}.{found.where}", found.what) for found in problems_of(catalog))
    if problems:
        raise CatalogError(problems)
    return catalog


def _shipped_rows() -> object:
    text = files("shipper.catalog").joinpath("catalog.yml").read_text(encoding="utf-8")
    return yaml.load(text, _Loader)  # noqa: S506 - both are safe loaders


def _merged(shipped: Row, theirs: Row, section: str) -> Iterable[tuple[str, Row]]:
    rows = dict(shipped.row(section).rows())
    for name, row in theirs.row(section).rows():
        rows[name] = row.over(rows.get(name))
    return rows.items()


def _field(path: str, row: Row) -> Field:
    row.only(_FIELD_KEYS)
    return Field(
        path=path,
        type=row.text("type") or "keyword",
        sensitivity=row.word("sensitivity", Sensitivity, Sensitivity.NONE),
        meaning=row.text("meaning", ""),
        alias=row.optional_text("alias"),
    )


def _framework(name: str, row: Row) -> Framework:
    row.only(_FRAMEWORK_KEYS)
    return Framework(
        name=name,
        title=row.text("title", name.upper()),
        retention_days=row.whole("retention_days"),
        requires=tuple(row.texts("requires")),
        basis=row.text("basis", ""),
    )


def _type(
    name: str, row: Row, fields: Mapping[str, Field], shipped_fields: Iterable[str]
) -> EventType:
    row.only(_TYPE_KEYS)
    short = name.removeprefix("mcp_")
    return EventType(
        name=name,
        dataset=row.text("dataset", f"mcp.{short}"),
        index=row.text("index", f"mcp-{short}").replace("_", "-"),
        retention_days=row.whole("retention_days", _RETENTION_DAYS),
        classification=row.word("classification", Classification, Classification.INTERNAL),
        level=row.word("level", AuditLevel, AuditLevel.BASIC),
        kind=row.text("kind", "event"),
        category=tuple(row.texts("category", ["api"])),
        type=tuple(row.texts("type", ["info"])),
        action=row.text("action", short).replace("_", "-"),
        fields=_paths(row.texts("fields", []), [*shipped_fields, *fields], fields),
        meaning=row.text("meaning", "Defined by the operator."),
    )


def _paths(names: list[str], order: Iterable[str], fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Paths for a list that may use the callers' names; the first field in `order` has the name."""
    by_alias: dict[str, str] = {}
    for path in order:
        if path in fields and (alias := fields[path].alias):
            by_alias.setdefault(alias, path)
    return tuple(by_alias.get(name, name) for name in names if name not in _IMPLIED)
