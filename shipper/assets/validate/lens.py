"""Checks the state of a Lens panel, in the shape that Kibana 8.11 and later take."""

from collections.abc import Iterator, Mapping
from typing import Any

from shipper.assets.validate.fields import Findings, Types, field, kql
from shipper.catalog.model import DATES, GROUPS, NUMBERS

Json = dict[str, Any]

_BUCKETS = {"date_histogram", "filters", "range", "terms"}
#: Parameters that an operation requires.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "average": (),
    "count": (),
    "date_histogram": ("interval",),
    "filters": ("filters",),
    "last_value": ("showArrayValues", "sortField"),
    "max": (),
    "median": (),
    "min": (),
    "percentile": ("percentile",),
    "percentile_rank": ("value",),
    "range": ("maxBars", "ranges", "type"),
    "standard_deviation": (),
    "sum": (),
    "terms": ("orderBy", "orderDirection", "size"),
    "unique_count": (),
}
_FIT: Mapping[str, frozenset[str] | None] = {
    "date_histogram": DATES,
    "last_value": None,
    "max": NUMBERS | DATES,
    "min": NUMBERS | DATES,
    "terms": GROUPS,
    "unique_count": GROUPS,
}
_SERIES = {
    f"{kind}{suffix}"
    for kind in ("area", "bar", "bar_horizontal")
    for suffix in ("", "_stacked", "_percentage_stacked")
} | {"line"}
_SHAPES = {"lnsPie": {"donut", "mosaic", "pie", "treemap", "waffle"}, "lnsHeatmap": {"heatmap"}}
_TOO_NEW = {"version", "splitAccessors", "secondaryPrefix", "valuesTextAlign", "colorMapping"}
_ENVELOPE = {"title", "description", "type", "visualizationType", "state", "references"}
_STATE = {
    *("datasourceStates", "visualization", "query", "filters"),
    *("internalReferences", "adHocDataViews"),
}
_DIRECTIONS = {"asc", "desc"}
#: The members in which each kind of chart names its buckets and its metrics.
_ACCESSORS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "lnsDatatable": ((), ()),
    "lnsHeatmap": (("xAccessor", "yAccessor"), ("valueAccessor",)),
    "lnsMetric": (("breakdownByAccessor",), ("metricAccessor", "secondaryMetricAccessor")),
    "lnsPie": (("primaryGroups", "secondaryGroups"), ("metrics",)),
    "lnsXY": (("xAccessor", "splitAccessor"), ("accessors",)),
}
_NEEDED = {"lnsHeatmap": "valueAccessor", "lnsMetric": "metricAccessor", "lnsPie": "metrics"}


def check(attributes: Json, types: Types) -> Findings:
    """Problems of the attributes of a by-value Lens panel."""
    kind = attributes.get("visualizationType")
    if kind not in _ACCESSORS:
        yield f"visualizationType {kind!r} is not one of: {', '.join(_ACCESSORS)}"
        return
    state: Json = attributes.get("state") or {}
    try:
        layers = state["datasourceStates"]["formBased"]["layers"]
        drawn = state["visualization"]
    except (KeyError, TypeError):
        yield "state needs datasourceStates.formBased.layers and visualization"
        return
    yield from _too_new(attributes, drawn)
    for name in sorted(attributes.keys() - _ENVELOPE - _TOO_NEW):
        yield f"attribute {name!r} is unknown for a Lens panel in Kibana 8.11"
    for name in sorted(state.keys() - _STATE):
        yield f"state.{name} is unknown for a Lens panel in Kibana 8.11"
    yield from kql(state.get("query", {}).get("query"), types)
    yield from _referenced(attributes, layers)
    for layer in layers.values():
        yield from _layer(layer, types)
    yield from _visualization(str(kind), drawn, layers)


def _too_new(attributes: Json, drawn: Json) -> Findings:
    parts = (attributes, drawn, *drawn.get("layers", ()))
    for name in sorted({key for part in parts for key in part} & _TOO_NEW):
        yield f"{name} is newer than Kibana 8.11 understands: leave it out"


def _referenced(attributes: Json, layers: Json) -> Findings:
    names = [one.get("name") for one in attributes.get("references", ())]
    wanted = [f"indexpattern-datasource-layer-{layer}" for layer in layers]
    wanted += [row.get("meta", {}).get("index") for row in attributes["state"].get("filters", ())]
    for name in wanted:
        if names.count(name) != 1:
            yield f"the panel needs exactly one reference {name!r}, it has {names.count(name)}"
    for name in names:
        if name not in wanted:
            yield f"reference {name!r} of the panel is not used"


def _layer(layer: Json, types: Types) -> Findings:
    columns: Json = layer.get("columns", {})
    order: list[str] = layer.get("columnOrder", [])
    if sorted(order) != sorted(columns):
        yield "columnOrder must name each column once"
        return
    kinds = [columns[key].get("operationType") in _BUCKETS for key in order]
    if kinds != sorted(kinds, reverse=True):
        yield "columnOrder has a metric before a bucket: buckets come first"
    for column in columns.values():
        for problem in _column(column, columns, types):
            yield f"column {column.get('label')!r}: {problem}"


def _column(column: Json, columns: Json, types: Types) -> Findings:
    operation, params = str(column.get("operationType")), column.get("params") or {}
    if operation not in _REQUIRED:
        known = ", ".join(_REQUIRED)
        yield f"operationType {operation!r} is not one of: {known}"
        return
    if column.get("isBucketed") is not (operation in _BUCKETS):
        yield f"isBucketed does not fit {operation}"
    for name in _REQUIRED[operation]:
        if name not in params:
            yield f"{operation} needs params.{name}"
    if operation == "count":
        if column.get("sourceField") != "___records___":
            yield from field(column.get("sourceField"), types)
    elif operation != "filters":
        yield from field(column.get("sourceField"), types, fit=_FIT.get(operation, NUMBERS))
    for query in _queries(column, params):
        yield from kql(query, types)
    if params.get("orderDirection", "asc") not in _DIRECTIONS:
        yield f"orderDirection {params['orderDirection']!r} is neither asc nor desc"
    yield from _order(params.get("orderBy"), columns)


def _queries(column: Json, params: Json) -> Iterator[object]:
    if column.get("filter"):
        yield column["filter"].get("query")
    for row in params.get("filters", ()):
        yield row.get("input", {}).get("query")


def _order(order: Json | None, columns: Json) -> Findings:
    if order and order.get("type") == "column":
        by = columns.get(str(order.get("columnId")))
        if by is None or by.get("isBucketed"):
            yield f"orderBy names {order.get('columnId')!r}, which is not a metric of this layer"


def _visualization(kind: str, drawn: Json, layers: Json) -> Findings:
    for part in drawn.get("layers", [drawn]):
        if part.get("layerId") not in layers:
            yield f"layerId {part.get('layerId')!r} is not a layer of the panel"
            continue
        if kind == "lnsXY" and part.get("seriesType") not in _SERIES:
            yield f"seriesType {part.get('seriesType')!r} is unknown"
        columns = layers[part["layerId"]].get("columns", {})
        yield from _accessors(kind, part, columns)
    if kind in _SHAPES and drawn.get("shape") not in _SHAPES[kind]:
        yield f"shape {drawn.get('shape')!r} is not one of: {', '.join(sorted(_SHAPES[kind]))}"


def _accessors(kind: str, part: Json, columns: Json) -> Findings:
    buckets, metrics = _ACCESSORS[kind]
    needed = _NEEDED.get(kind, "accessors" if kind == "lnsXY" else "columns")
    if not part.get(needed):
        yield f"{kind} needs {needed}"
    for names, is_bucket in ((buckets, True), (metrics, False)):
        for name in names:
            for accessor in _listed(part.get(name)):
                yield from _accessor(name, accessor, columns, is_bucket=is_bucket)
    for row in part.get("columns", ()) if kind == "lnsDatatable" else ():
        yield from _accessor("columnId", row.get("columnId"), columns, is_bucket=None)
    for row in part.get("yConfig", ()):
        yield from _accessor("forAccessor", row.get("forAccessor"), columns, is_bucket=False)


def _accessor(name: str, accessor: object, columns: Json, *, is_bucket: bool | None) -> Findings:
    column = columns.get(str(accessor))
    if column is None:
        yield f"{name} names {accessor!r}, which is not a column of its layer"
    elif is_bucket is not None and bool(column.get("isBucketed")) is not is_bucket:
        yield f"{name} takes a {'bucket' if is_bucket else 'metric'}, not {column.get('label')!r}"


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
