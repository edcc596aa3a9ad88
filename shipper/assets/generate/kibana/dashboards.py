"""A dashboard of the model as a saved object: grid, panels, controls, and every reference."""

from collections.abc import Iterator, Mapping

from shipper.assets.generate.bodies import Body
from shipper.assets.generate.kibana.lens import attributes, uid
from shipper.assets.generate.kibana.model import (
    EVENTS_VIEW,
    Dashboard,
    Heatmap,
    Links,
    Markdown,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Share,
    Table,
)
from shipper.assets.generate.kibana.saved import SEARCH_SOURCE, Reference, packed, refer, saved

_GRID_COLUMNS = 48
#: The version that panels and dashboards claim. Unversioned or older ones go through migrations
#: that do not know today's Lens and remove its columns.
VERSION = "8.9.0"

#: The fields with a list of values that filters the dashboard, with their labels.
CONTROLS: Mapping[str, str] = {
    "user.id": "User",
    "gen_ai.tool.name": "Tool",
    "mcp.client.id": "Client",
    "service.name": "Service",
    "event.outcome": "Outcome",
}

_OPTIONS = {
    "hidePanelTitles": False,
    "syncColors": False,
    "syncCursor": True,
    "syncTooltips": False,
    "useMargins": True,
}
_IGNORED_BY_CONTROLS = {
    "ignoreFilters": False,
    "ignoreQuery": False,
    "ignoreTimerange": False,
    "ignoreValidations": False,
}


def dashboard(board: Dashboard, types: Mapping[str, str]) -> Body:
    """The saved object; `types` are the Elasticsearch types of the fields."""
    panels = [
        _panel(panel, box, _key(board, panel), board.view, types) for panel, box in placed(board)
    ]
    has_filter = board.view == EVENTS_VIEW
    source = _ONLY_OURS if has_filter else SEARCH_SOURCE
    references = [_FILTER_REFERENCE] if has_filter else []
    for panel in panels:
        references += _references(panel)
    references += [_control_reference(board, path) for path in CONTROLS]
    body = {
        "title": board.title,
        "description": board.description,
        "version": 1,
        "timeRestore": True,
        "timeFrom": f"now-{board.window}",
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 60000},
        "optionsJSON": packed(_OPTIONS),
        "kibanaSavedObjectMeta": {"searchSourceJSON": packed(source)},
        "controlGroupInput": {
            "chainingSystem": "HIERARCHICAL",
            "controlStyle": "oneLine",
            "ignoreParentSettingsJSON": packed(_IGNORED_BY_CONTROLS),
            "panelsJSON": packed(dict(_controls(board))),
        },
        "panelsJSON": packed(panels),
    }
    return saved("dashboard", board.id, body, references, version=VERSION)


#: Part of the ids of panels: changing a word makes every installed dashboard differ.
_ID_WORDS = {
    Heatmap: "Heatmap",
    Links: "Links",
    Markdown: "Text",
    Metric: "Metric",
    Saved: "Saved",
    Series: "Series",
    Share: "Share",
    Table: "Table",
}


def _key(board: Dashboard, panel: Panel) -> str:
    """The source of a panel's ids, without its place: a panel that moves keeps them."""
    return f"{board.id}/{_ID_WORDS[type(panel.chart)]}/{panel.title}"


def placed(board: Dashboard) -> Iterator[tuple[Panel, Body]]:
    """Every panel with its place on the grid, row by row."""
    y = 0
    for row in board.rows:
        x = 0
        for panel, width in zip(row.panels, _widths(row), strict=True):
            yield panel, {"x": x, "y": y, "w": width, "h": row.height}
            x += width
        y += row.height


def _widths(row: PanelRow) -> list[int]:
    open_widths = sum(1 for panel in row.panels if not panel.width)
    left = _GRID_COLUMNS - sum(panel.width for panel in row.panels)
    share = left // open_widths if open_widths else 0
    return [panel.width or share for panel in row.panels]


def _panel(panel: Panel, box: Body, key: str, view: str, types: Mapping[str, str]) -> Body:
    index = uid(key)
    common = {
        "panelIndex": index,
        "gridData": {**box, "i": index},
        "title": panel.title,
        "version": VERSION,
    }
    match panel.chart:
        case Markdown(markdown):
            config = {"hidePanelTitles": True, "enhancements": {}, "savedVis": _markdown(markdown)}
            return {**common, "type": "visualization", "embeddableConfig": config}
        case Links(dashboards):
            links = [_link(key, n, *row) for n, row in enumerate(dashboards)]
            state = {"layout": "horizontal", "links": links}
            config = {"attributes": state, "enhancements": {}, "hidePanelTitles": True}
            targets = [target for target, _ in dashboards]
            return {**common, "type": "links", "embeddableConfig": config, "_links": targets}
        case Saved():
            config = {"hidePanelTitles": False, "enhancements": {}}
            named = {"panelRefName": f"panel_{index}", "embeddableConfig": config}
            return {**common, "type": "search", **named, "_search": panel.chart.search}
        case chart:
            state = attributes(panel, chart, key, view, types)
            is_tile = isinstance(chart, Metric)  # a tile shows its own label
            config = {"attributes": state, "enhancements": {}, "hidePanelTitles": is_tile}
            return {**common, "type": "lens", "embeddableConfig": config}


def _link(key: str, order: int, target: str, title: str) -> Body:
    link = uid(key, "link", target)
    options = {"openInNewTab": False, "useCurrentFilters": True, "useCurrentDateRange": True}
    return {
        "id": link,
        "type": "dashboardLink",
        "label": title,
        "order": order,
        "options": options,
        "destinationRefName": f"link_{link}_dashboard",
    }


def _markdown(text: str) -> Body:
    source = {"query": {"language": "kuery", "query": ""}, "filter": []}
    return {
        "title": "",
        "description": "",
        "type": "markdown",
        "params": {"fontSize": 12, "openLinksInNewTab": False, "markdown": text},
        "uiState": {},
        "data": {"aggs": [], "searchSource": source},
    }


def _references(panel: Body) -> list[Reference]:
    """The panel's references as the dashboard repeats them, with the panel's id in their names."""
    index = panel["panelIndex"]
    if search := panel.pop("_search", None):
        return [refer("search", search, f"{index}:{panel['panelRefName']}")]
    inner = panel["embeddableConfig"].get("attributes", {})
    if targets := panel.pop("_links", None):
        named = zip(targets, inner["links"], strict=True)
        return [
            refer("dashboard", target, f"{index}:{one['destinationRefName']}")
            for target, one in named
        ]
    return [
        refer(one["type"], one["id"], f"{index}:{one['name']}")
        for one in inner.get("references", ())
    ]


def _controls(board: Dashboard) -> Iterator[tuple[str, Body]]:
    for order, (path, title) in enumerate(CONTROLS.items()):
        key = uid(board.id, "control", path)
        chosen = {
            "id": key,
            "fieldName": path,
            "title": title,
            "dataViewId": board.view,
            "selectedOptions": [],
            "enhancements": {},
        }
        shape = {"order": order, "width": "small", "grow": True, "type": "optionsListControl"}
        yield key, {**shape, "explicitInput": chosen}


def _control_reference(board: Dashboard, path: str) -> Reference:
    key = uid(board.id, "control", path)
    return refer("index-pattern", board.view, f"controlGroup_{key}:optionsListDataView")


_FILTER = "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"
_FILTER_REFERENCE = refer("index-pattern", EVENTS_VIEW, _FILTER)


#: A filter for mcp-shipper's events: the data view's pattern may match others.
_ONLY_OURS: Body = {
    **SEARCH_SOURCE,
    "filter": [
        {
            "$state": {"store": "appState"},
            "meta": {
                "alias": None,
                "disabled": False,
                "field": "event.module",
                "indexRefName": _FILTER,
                "key": "event.module",
                "negate": False,
                "params": {"query": "mcp"},
                "type": "phrase",
            },
            "query": {"match_phrase": {"event.module": "mcp"}},
        }
    ],
}
