"""The catalog with the operator's rows, and the scope of recording."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from shipper.catalog import AuditLevel, Catalog, IndexStrategy, Scope, builtin, overlaid
from shipper.errors import CatalogError
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader


def read_strategy(reader: Reader, nodes: Mapping[str, YamlNode]) -> IndexStrategy:
    node = nodes.get("index_strategy")
    return reader.member(node, IndexStrategy) if node else IndexStrategy.DATA_STREAM


def read_scope(
    reader: Reader, nodes: Mapping[str, YamlNode], catalog: Catalog, strategy: IndexStrategy
) -> Scope:
    changes: dict[str, Any] = {}
    if node := nodes.get("mcp_audit_level"):
        changes["level"] = reader.member(node, AuditLevel)
    if node := nodes.get("compliance_frameworks"):
        names = [reader.one_of(item, catalog.frameworks) for item in node.items or [node]]
        changes["frameworks"] = tuple(name for name in names if name in catalog.frameworks)
    if node := nodes.get("retention_days"):
        changes["retention_days"] = reader.whole(node) or None
    return Scope(index_strategy=strategy, **changes)


def read_catalog(
    reader: Reader, nodes: Mapping[str, YamlNode], strategy: IndexStrategy
) -> tuple[dict[str, Any], Catalog]:
    """The operator's rows as plain objects, and the catalog with these rows."""
    overlay = _overlay(reader, nodes)
    catalog = _catalog(reader, overlay)
    prefix = nodes.get("index_prefix")
    if catalog and prefix and strategy is not IndexStrategy.DATA_STREAM:
        overlay = _prefixed(overlay, catalog, replace(prefix, scalar=reader.text(prefix)))
        catalog = _catalog(reader, overlay)
    rows: Any = overlay.plain()
    return rows, catalog or builtin()


def _overlay(reader: Reader, nodes: Mapping[str, YamlNode]) -> YamlNode:
    """The rows under `catalog` and under the guide's key."""
    node, guide = nodes.get("catalog"), nodes.get("mcp_audit_event_types")
    known = reader.children(node, ("event_types", "fields", "frameworks", "alerts")) if node else {}
    if guide:
        types = reader.rows(known["event_types"]) if "event_types" in known else {}
        known["event_types"] = replace(guide, children={**types, **reader.rows(guide)})
    return YamlNode((node or guide or _NOWHERE).where, "catalog", children=known)


_NOWHERE = YamlNode("", "")


def _prefixed(overlay: YamlNode, catalog: Catalog, prefix: YamlNode) -> YamlNode:
    """The rows, with an index named by the prefix for each type without its own index."""
    rows = {}
    for name, row in catalog.event_types.items():
        text = f"{prefix.written or prefix.scalar}{row.index.removeprefix('mcp')}"
        index = replace(prefix, scalar=text, written=None)
        below = YamlNode(prefix.where, prefix.path, children={"index": index})
        own = overlay.at("event_types", name)
        rows[name] = own.over(below) if own.children else below
    types = replace(overlay.at("event_types"), children=rows)
    return replace(overlay, children={**(overlay.children or {}), "event_types": types})


def _catalog(reader: Reader, overlay: YamlNode) -> Catalog | None:
    """The catalog with the operator's rows; None if there are problems."""
    if not overlay.children:
        return builtin()
    try:
        return overlaid(overlay)
    except CatalogError as error:
        reader.problems += error.problems
        return None
