"""A panel's chart as the state of a Lens visualization.

The shape is that of Kibana 8.9 ("v0": no `version` in the attributes, `splitAccessor` in the
singular), which newer versions read and convert. It has no formulas, as they would need the hidden
columns that Kibana derives from them, and no colour mappings, which came with 8.11.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID, uuid5

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana.model import (
    GOOD,
    RECORDS,
    Column,
    Drawn,
    Heatmap,
    Metric,
    Panel,
    Series,
    Share,
    Table,
    columns_of,
)

_NAMESPACE = UUID("5b1b7d5e-5d0c-4a39-9f6e-6d63702d6c6f")

#: Kibana's type of a field, by the field's type in Elasticsearch.
_DATA_TYPES = {
    "boolean": "boolean",
    "date": "date",
    "double": "number",
    "float": "number",
    "ip": "ip",
    "long": "number",
}


def uid(*parts: object) -> str:
    """The same id for the same parts, so that a rebuilt file differs only where its source does."""
    return str(uuid5(_NAMESPACE, "/".join(map(str, parts))))


def attributes(panel: Panel, chart: Drawn, key: str, view: str, types: Mapping[str, str]) -> Body:
    """The attributes of a by-value Lens panel; `key` makes its ids, `types` are the fields'."""
    layer = uid(key, "layer")
    columns = columns_of(chart)
    ids = {id(column): uid(key, "column", n) for n, column in enumerate(columns)}
    kind, visualization = _visualization(chart, layer, ids)
    return {
        "title": panel.title,
        "description": "",
        "type": "lens",
        "visualizationType": kind,
        "references": [
            {"type": "index-pattern", "id": view, "name": f"indexpattern-datasource-layer-{layer}"}
        ],
        "state": {
            "datasourceStates": {
                "formBased": {"layers": {layer: _layer(columns, ids, types)}},
                "textBased": {"layers": {}},
            },
            "visualization": visualization,
            "query": {"language": "kuery", "query": panel.where},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
        },
    }


def _layer(columns: Sequence[Column], ids: Mapping[int, str], types: Mapping[str, str]) -> Body:
    metric = next(ids[id(column)] for column in columns if not column.is_bucket)
    return {
        "columnOrder": [ids[id(column)] for column in columns],
        "columns": {ids[id(column)]: _column(column, metric, types) for column in columns},
        "incompleteColumns": {},
        "sampling": 1,
        "ignoreGlobalFilters": False,
    }


def _column(column: Column, metric: str, types: Mapping[str, str]) -> Body:
    """`metric` is the id of the metric that ranks the values."""
    params, kind = dict(column.params), _data_type(column, types)
    if column.operation == "terms":
        params.setdefault("orderBy", {"type": "column", "columnId": metric})
        # Kibana puts a text in the place of a missing value, which fits no other type.
        params["missingBucket"] = bool(params["missingBucket"]) and kind == "string"
    body: Body = {
        "label": column.label,
        "customLabel": True,
        "operationType": column.operation,
        "dataType": kind,
        "isBucketed": column.is_bucket,
        "params": params,
        "scale": _SCALES.get(column.operation, "ratio"),
    }
    if column.operation != "filters":
        body["sourceField"] = column.path
    if column.where:
        body["filter"] = {"language": "kuery", "query": column.where}
    return body


_SCALES = {
    "date_histogram": "interval",
    "filters": "ordinal",
    "last_value": "ordinal",
    "terms": "ordinal",
}


def _data_type(column: Column, types: Mapping[str, str]) -> str:
    is_time = column.path == "@timestamp"
    if is_time or column.operation in {"date_histogram", "filters", "last_value", "terms"}:
        kind = "keyword" if column.path == RECORDS else types[column.path]
        return _DATA_TYPES.get(kind, "string")
    return "number"


def _visualization(chart: Drawn, layer: str, ids: Mapping[int, str]) -> tuple[str, Body]:
    """Kibana's name for the kind of chart, and its state."""
    base: Body = {"layerId": layer, "layerType": "data"}
    match chart:
        case Metric():
            return "lnsMetric", _metric(chart) | base | {"metricAccessor": ids[id(chart.value)]}
        case Series():
            return "lnsXY", _xy(chart, base, ids)
        case Share(by, value):
            ring = {"primaryGroups": [ids[id(by)]], "metrics": [ids[id(value)]], **_RING}
            return "lnsPie", {"shape": "donut", "layers": [base | ring]}
        case Table():
            shown = [_shown(column, ids) for column in columns_of(chart)]
            return "lnsDatatable", base | {"columns": shown, "paging": _PAGING}
        case Heatmap(x, y, value):
            accessors = {"xAccessor": x, "yAccessor": y, "valueAccessor": value}
            named = {name: ids[id(column)] for name, column in accessors.items()}
            palette = {**_ONE_HUE, "accessor": named["valueAccessor"]}
            return "lnsHeatmap", base | named | {"shape": "heatmap", "palette": palette, **_HEATMAP}


_PAGING = {"enabled": True, "size": 10}
#: Of a column of times, in pixels: without it Kibana cuts the time of day.
_TIME_WIDTH = 190


def _shown(column: Column, ids: Mapping[int, str]) -> Body:
    is_time = column.path == "@timestamp"
    return {"columnId": ids[id(column)], **({"width": _TIME_WIDTH} if is_time else {})}


_RING: Body = {
    "numberDisplay": "percent",
    "categoryDisplay": "hide",
    "legendDisplay": "show",
    "legendSize": "large",
    "truncateLegend": False,
    "nestedLegend": False,
}
_HEATMAP: Body = {
    "legend": {"isVisible": True, "position": "right", "type": "heatmap_legend"},
    "gridConfig": {
        "type": "heatmap_grid",
        "isCellLabelVisible": False,
        "isXAxisLabelVisible": True,
        "isYAxisLabelVisible": True,
        "isXAxisTitleVisible": False,
        "isYAxisTitleVisible": False,
    },
}


def _palette(colors: Sequence[str], bounds: Sequence[float], kind: str) -> Body:
    """Each color up to its bound, the last one also above it; `kind` is number or percent."""
    lower = (0, *bounds[:-1])
    return {
        "type": "palette",
        "name": "custom",
        "params": {
            "name": "custom",
            "reverse": False,
            "rangeType": kind,
            "rangeMin": 0,
            "rangeMax": None,
            "progression": "fixed",
            "continuity": "above",
            "maxSteps": 5,
            "steps": len(colors),
            "stops": [{"color": c, "stop": s} for c, s in zip(colors, bounds, strict=True)],
            "colorStops": [{"color": c, "stop": s} for c, s in zip(colors, lower, strict=True)],
        },
    }


#: Without a palette, Kibana takes blue, white and red: the middle of the range looks empty.
_ONE_HUE = _palette(
    ("#e4eef6", "#b9d2e7", "#8db6d7", "#6092c0", "#35678f"), (20, 40, 60, 80, 100), "percent"
)


def _metric(chart: Metric) -> Body:
    colors = {"palette": _palette((GOOD, chart.alarm), (1, 2), "number")} if chart.alarm else {}
    return colors | ({"subtitle": chart.note} if chart.note else {})


def _xy(chart: Series, base: Body, ids: Mapping[int, str]) -> Body:
    colors = [
        {"forAccessor": ids[id(column)], "color": column.color}
        for column in chart.values
        if column.color and not chart.split
    ]
    layer: Body = base | {
        "seriesType": chart.kind,
        "xAccessor": ids[id(chart.along)],
        "accessors": [ids[id(column)] for column in chart.values],
        "yConfig": colors,
        "palette": {"type": "palette", "name": chart.palette},
    }
    if chart.split:
        layer["splitAccessor"] = ids[id(chart.split)]
    has_names = bool(chart.split) or len(chart.values) > 1
    return {
        "preferredSeriesType": chart.kind,
        "legend": {
            "isVisible": has_names,
            "position": "right",
            "legendSize": "large",
            "shouldTruncate": False,
        },
        "valueLabels": "hide",
        "fittingFunction": "Linear" if chart.kind == "line" else "None",
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
        "layers": [layer],
    }
