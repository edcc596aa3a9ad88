"""YAML to `Catalog`: the built-in rows, and an operator's own rows laid over them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

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
from shipper.errors import CatalogError, Problem

#: What a type of the operator's own is, where its row does not say.
_DEFAULTS: dict[str, Any] = {
    "retention_days": 365,
    "classification": "internal",
    "level": "basic",
    "kind": "event",
    "category": ["api"],
    "type": ["info"],
    "meaning": "Defined by the operator.",
    "fields": [],
}
#: Names in a `fields` list that stand for what every event has anyway.
_IMPLIED = {"timestamp", "success", "severity", "duration_ms"}


@cache
def builtin() -> Catalog:
    """The catalog as shipped."""
    return _checked(_build(_shipped_rows()))


def overlaid(overlay: Mapping[str, object], where: str = "overlay") -> Catalog:
    """The built-in catalog with the operator's rows over it, key by key.

    `overlay` has the keys `event_types`, `fields` and `frameworks`, shaped as in `catalog.yml`;
    a list of fields may use the callers' names (`user_id`). Raises `CatalogError` with every
    problem.
    """
    rows = _shipped_rows()
    for section in ("fields", "frameworks", "event_types"):
        for name, row in _mapping(overlay.get(section), f"{where}.{section}").items():
            theirs = _mapping(row, f"{where}.{section}.{name}")
            rows[section][name] = {**rows[section].get(name, {}), **theirs}
    try:
        return _checked(_build(rows))
    except (TypeError, ValueError, KeyError) as error:
        raise CatalogError([Problem(where, f"a row cannot be read: {error!r}")]) from error


def _shipped_rows() -> dict[str, Any]:
    text = files("shipper.catalog").joinpath("catalog.yml").read_text(encoding="utf-8")
    rows: dict[str, Any] = yaml.safe_load(text)
    return rows


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise CatalogError([Problem(where, f"expected a mapping, found {type(value).__name__}")])
    return value


def _checked(catalog: Catalog) -> Catalog:
    if problems := list(problems_of(catalog)):
        raise CatalogError(problems)
    return catalog


def _build(rows: dict[str, Any]) -> Catalog:
    fields = {path: _field(path, row) for path, row in rows["fields"].items()}
    return Catalog(
        ecs_version=str(rows["ecs_version"]),
        fields=fields,
        common=tuple(rows["common"]),
        event_types={name: _type(name, row, fields) for name, row in rows["event_types"].items()},
        frameworks={name: _framework(name, **row) for name, row in rows["frameworks"].items()},
    )


def _field(path: str, row: Mapping[str, Any]) -> Field:
    if unknown := row.keys() - {"type", "meaning", "sensitivity", "alias"}:
        raise CatalogError([Problem(f"fields.{path}.{key}", "unknown key") for key in unknown])
    sensitivity = Sensitivity(row.get("sensitivity", "none"))
    return Field(path, row["type"], sensitivity, row.get("meaning", ""), row.get("alias"))


def _framework(
    name: str, *, title: str = "", retention_days: int, requires: list[str], basis: str = ""
) -> Framework:
    return Framework(name, title or name.upper(), int(retention_days), tuple(requires), basis)


def _type(name: str, row: Mapping[str, Any], fields: Mapping[str, Field]) -> EventType:
    short = name.removeprefix("mcp_")
    full: dict[str, Any] = (
        {"dataset": f"mcp.{short}", "index": f"mcp-{short}", "action": short} | _DEFAULTS | {**row}
    )
    if unknown := full.keys() - EventType.__dataclass_fields__.keys():
        raise CatalogError([Problem(f"event_types.{name}.{key}", "unknown key") for key in unknown])
    lists = {key: tuple(full[key]) for key in ("category", "type")}
    return EventType(
        name=name,
        dataset=str(full["dataset"]),
        index=str(full["index"]).replace("_", "-"),
        retention_days=int(full["retention_days"]),
        classification=Classification(str(full["classification"])),
        level=AuditLevel(str(full["level"])),
        kind=str(full["kind"]),
        action=str(full["action"]).replace("_", "-"),
        fields=_paths(full["fields"], fields),
        meaning=str(full["meaning"]),
        **lists,
    )


def _paths(names: list[str], fields: Mapping[str, Field]) -> tuple[str, ...]:
    """Paths for a list that may use the callers' names."""
    by_alias: dict[str, str] = {}
    for path, row in fields.items():
        if row.alias:
            by_alias.setdefault(row.alias, path)
    return tuple(by_alias.get(name, name) for name in names if name not in _IMPLIED)
