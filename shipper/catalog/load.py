"""YAML to `Catalog`: the built-in rows, and an operator's own rows laid over them."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec.structs import replace

from shipper.catalog.check import faults_of
from shipper.catalog.model import Catalog, EventType, Field, Framework
from shipper.catalog.payloads import PayloadRule
from shipper.catalog.secrets import Secrets
from shipper.errors import CatalogError
from shipper.yaml.node import YamlNode, node_of
from shipper.yaml.parse import parse
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

_SECTIONS = ("event_types", "fields", "frameworks")
#: The keys of an overlay.
OVERLAY = (*_SECTIONS, "payloads", "secrets", "pseudonyms", "alerts")
#: The keys of a type that the operator's own row may leave out.
_TYPE_DEFAULTS: Mapping[str, object] = {
    "retention_days": 365,
    "classification": "internal",
    "level": "basic",
    "kind": "event",
    "category": ["api"],
    "type": ["info"],
    "fields": [],
    "meaning": "Defined by the operator.",
}
#: Names in a `fields` list for values that every event has anyway.
_IMPLIED = {"timestamp", "success", "severity", "duration_ms"}


@cache
def builtin() -> Catalog:
    """The catalog as shipped."""
    return _catalog(YamlNode("", "", children={}))


def overlaid(overlay: Mapping[str, object] | YamlNode) -> Catalog:
    """The built-in catalog with the operator's rows over it, key by key.

    `overlay` has the keys `event_types`, `fields` and `frameworks`, shaped as in `catalog.yml`,
    and `alerts`, shaped as in `alerts.yml`, which only `alerts_of` reads and checks; a list of
    fields may use the callers' names (`user_id`). `payloads` is a list of rules with the keys of
    `PayloadRule`, `secrets` has those of `Secrets`, `pseudonyms` is a folder. Raises
    `CatalogError` with every problem; the problems of a node have its file and line.
    """
    if not isinstance(overlay, YamlNode):
        overlay = node_of(overlay, "", "overlay")
    return _catalog(overlay)


def _catalog(added: YamlNode) -> Catalog:
    reader, shipped = Reader(), _shipped()
    known = reader.children(added, OVERLAY)
    rows = {key: _merged(reader, shipped.at(key), known.get(key)) for key in _SECTIONS}
    fields = {path: _field(reader, path, row) for path, row in rows["fields"].items()}
    catalog = Catalog(
        ecs_version=reader.text(shipped.at("ecs_version")),
        fields=fields,
        common=reader.texts(shipped.at("common")),
        event_types={
            name: _type(reader, name, row, fields) for name, row in rows["event_types"].items()
        },
        frameworks={
            name: _framework(reader, name, row) for name, row in rows["frameworks"].items()
        },
        payloads=_payloads(reader, known.get("payloads")),
        secrets=into(reader, Secrets, added.at("secrets")) or Secrets(),
        pseudonyms=reader.text(known["pseudonyms"]) if "pseudonyms" in known else "",
        alert_rows=known.get("alerts"),
    )
    noted = {problem.where for problem in reader.problems}
    found = (added.at(*fault.place).problem(fault.what) for fault in faults_of(catalog))
    problems = [*reader.problems, *(one for one in found if one.where not in noted)]
    if problems:
        raise CatalogError(problems)
    return catalog


@cache
def _shipped() -> YamlNode:
    """The rows of `catalog.yml` and `frameworks.yml`."""
    tree, rows = _file("catalog.yml", _SECTIONS), _file("frameworks.yml", ())
    return replace(tree, children={**(tree.children or {}), "frameworks": rows})


def _file(name: str, names_in: Iterable[str]) -> YamlNode:
    text = files("shipper.catalog").joinpath(name).read_text(encoding="utf-8")
    tree, problems = parse(text, name, names_in=tuple(names_in))
    assert not problems
    return tree


def _merged(reader: Reader, shipped: YamlNode, added: YamlNode | None) -> dict[str, YamlNode]:
    rows = dict(shipped.children or {})
    for name, row in (reader.rows(added) if added else {}).items():
        if row.children is None:
            reader.note(row, f"expected a mapping, found {row.kind}")
        else:
            rows[name] = row.over(rows.get(name))
    return rows


def _field(reader: Reader, path: str, row: YamlNode) -> Field:
    return into(reader, Field, row, path=path) or Field(path, "keyword")


def _framework(reader: Reader, name: str, row: YamlNode) -> Framework:
    row = row.over(node_of({"title": name.upper()}, row.where))
    return into(reader, Framework, row, name=name) or Framework(name, "", 1, ())


def _payloads(reader: Reader, node: YamlNode | None) -> tuple[PayloadRule, ...]:
    if node is None:
        return ()
    if node.items is None:
        reader.note(node, f"expected a list of rules, found {node.kind}")
        return ()
    rules = (into(reader, PayloadRule, row) for row in node.items)
    return tuple(rule for rule in rules if rule)


def _type(reader: Reader, name: str, row: YamlNode, fields: Mapping[str, Field]) -> EventType:
    short = name.removeprefix("mcp_")
    named = {"dataset": f"mcp.{short}", "index": f"mcp-{short}", "action": short}
    found: Any = into(
        reader, EventType, row.over(node_of({**_TYPE_DEFAULTS, **named}, row.where)), name=name
    )
    shipped = _shipped().at("event_types", name, "fields")
    order = [*(() if shipped.is_unset else reader.texts(shipped)), *fields]
    made: EventType = replace(
        found,
        index=found.index.replace("_", "-"),
        action=found.action.replace("_", "-"),
        fields=_paths(found.fields, order, fields),
    )
    return made


def _paths(
    names: Iterable[str], order: Iterable[str], fields: Mapping[str, Field]
) -> tuple[str, ...]:
    """Paths for a list that may use the callers' names; the first field in `order` has the name."""
    by_alias: dict[str, str] = {}
    for path in order:
        if path in fields and (alias := fields[path].alias):
            by_alias.setdefault(alias, path)
    return tuple(by_alias.get(name, name) for name in names if name and name not in _IMPLIED)
