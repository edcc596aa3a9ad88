"""Checks saved objects for faults that Kibana refuses, or that make it silently lose content.

A dashboard without a version, or with an old one, goes through migrations that drop the columns of
its panels; older Kibanas refuse newer versions, and attributes that they do not know. So versions
and attributes are closed sets here.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from shipper.assets.validate import lens
from shipper.assets.validate.fields import Findings, Types, field, kql
from shipper.catalog.model import GROUPS

Json = dict[str, Any]

#: The versions that a type may claim: the lowest and the highest that are safe for it.
_VERSIONS: Mapping[str, tuple[str, str]] = {
    "dashboard": ("8.9.0", "10.1.0"),
    "index-pattern": ("8.0.0", "8.0.0"),
    "search": ("8.0.0", "8.0.0"),
    "tag": ("8.0.0", "8.0.0"),
}
_CORE_VERSION = "8.8.0"
_ENVELOPE = {
    *("id", "type", "attributes", "references", "managed"),
    *("coreMigrationVersion", "typeMigrationVersion"),
}
_VOLATILE = {
    *("version", "updated_at", "updated_by", "created_at", "created_by", "namespaces"),
    *("originId", "migrationVersion"),
}
_META = "kibanaSavedObjectMeta"
_ATTRIBUTES: Mapping[str, set[str]] = {
    "dashboard": {
        *("title", "description", "version", "hits", "timeRestore", "timeFrom", "timeTo", _META),
        *("refreshInterval", "optionsJSON", "controlGroupInput", "panelsJSON"),
    },
    "search": {
        *("title", "description", "columns", "sort", "grid", "hideChart", "isTextBasedQuery"),
        *("usesAdHocDataView", "timeRestore", _META, "rowHeight", "rowsPerPage", "hits", "version"),
        *("breakdownField", "timeRange", "refreshInterval", "viewMode", "hideAggregatedPreview"),
    },
    "index-pattern": {
        *("title", "name", "timeFieldName", "allowNoIndex", "fields", "fieldAttrs"),
        *("fieldFormatMap", "runtimeFieldMap", "sourceFilters", "typeMeta", "type"),
    },
    "tag": {"name", "description", "color"},
}
_CONTROL_ATTRIBUTES = {"chainingSystem", "controlStyle", "ignoreParentSettingsJSON", "panelsJSON"}
_SOURCE = f"{_META}.searchSourceJSON"
_PANELS, _CONTROLS = "panelsJSON", "controlGroupInput.panelsJSON"
#: Attributes that hold JSON in a string.
_PACKED: Mapping[str, tuple[str, ...]] = {
    "dashboard": (
        *(_SOURCE, "optionsJSON", _PANELS, _CONTROLS),
        "controlGroupInput.ignoreParentSettingsJSON",
    ),
    "search": (_SOURCE,),
    "index-pattern": ("fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap"),
    "tag": (),
}
_MAX_PANELS, _GRID_COLUMNS = 100, 48
_LINK = re.compile(r"\]\((discover)?#/view/([^)?]+)")


def check(body: Json, known: set[tuple[str, str]], types: Types) -> Findings:
    """Problems of one object; `known` are the type and id of all objects of the file."""
    kind = str(body.get("type"))
    if kind not in _VERSIONS:
        yield f"type {kind!r} is not one of: {', '.join(_VERSIONS)}"
        return
    yield from _envelope(body, kind)
    for reference in body.get("references", ()):
        if (reference.get("type"), reference.get("id")) not in known:
            yield f"reference {reference.get('name')!r} has no target in this file"
    attributes = body.get("attributes", {})
    unpacked: Json = {}
    for path in _PACKED[kind]:
        try:
            unpacked[path] = _unpack(attributes, path)
        except ValueError as error:
            yield str(error)
    if len(unpacked) == len(_PACKED[kind]):
        yield from _content(body, kind, unpacked, known, types)


def _envelope(body: Json, kind: str) -> Findings:
    for name in sorted(body.keys() & _VOLATILE):
        yield f"{name} belongs to a single Kibana: leave it out"
    for name in sorted(body.keys() - _ENVELOPE - _VOLATILE):
        yield f"unknown key {name!r}"
    if body.get("coreMigrationVersion") != _CORE_VERSION:
        yield f"coreMigrationVersion must be {_CORE_VERSION}"
    low, high = _VERSIONS[kind]
    claimed = body.get("typeMigrationVersion")
    if not _is_between(claimed, low, high):
        why = "with another version, Kibana rewrites the object as if it were old, or refuses it"
        span = low if low == high else f"{low} to {high}"
        yield f"typeMigrationVersion is {claimed!r}, must be {span}: {why}"
    for name in sorted(body.get("attributes", {}).keys() - _ATTRIBUTES[kind]):
        yield f"attribute {name!r} is unknown in Kibana 8.11"
    group = body.get("attributes", {}).get("controlGroupInput", {})
    for name in sorted(group.keys() - _CONTROL_ATTRIBUTES):
        yield f"attribute 'controlGroupInput.{name}' is unknown in Kibana 8.11"
    if not body.get("attributes", {}).get("name" if kind == "tag" else "title"):
        yield "its title is missing"


def _is_between(claimed: object, low: str, high: str) -> bool:
    """Whether it is a version, and lies between the two."""
    if not isinstance(claimed, str) or not re.fullmatch(r"\d+\.\d+\.\d+", claimed):
        return False
    numbers = [tuple(map(int, text.split("."))) for text in (low, claimed, high)]
    return numbers == sorted(numbers)


def _unpack(attributes: Json, path: str) -> Any:
    value: Any = attributes
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"{path} must be JSON in a string, not {type(value).__name__}")  # noqa: TRY004 - of a file, not of code
    try:
        inner = json.loads(value)
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if isinstance(inner, str):
        raise ValueError(f"{path} is packed twice: JSON in a string in a string")  # noqa: TRY004 - the same
    return inner


def _content(
    body: Json, kind: str, unpacked: Json, known: set[tuple[str, str]], types: Types
) -> Findings:
    source = unpacked.get(_SOURCE)
    if source is not None:
        yield from kql(source.get("query", {}).get("query"), types)
        for row in source.get("filter", ()):
            yield from field(row.get("meta", {}).get("key"), types)
    if kind == "search":
        yield from _columns(body["attributes"], types)
    if kind == "dashboard":
        yield from _dashboard(unpacked, known, types)
    yield from _closed(body, list(_wanted(kind, unpacked)))


def _columns(attributes: Json, types: Types) -> Findings:
    for column in attributes.get("columns", ()):
        yield from field(column, types)
    for path, _ in attributes.get("sort", ()):
        yield from field(path, types)


def _dashboard(unpacked: Json, known: set[tuple[str, str]], types: Types) -> Findings:
    for control in unpacked[_CONTROLS].values():
        yield from field(control["explicitInput"].get("fieldName"), types, fit=GROUPS)
    if not unpacked[_SOURCE].get("filter"):
        yield from _unfiltered(unpacked[_PANELS])
    yield from _panels(unpacked[_PANELS], known, types)


def _wanted(kind: str, unpacked: Json) -> Iterator[str]:
    """The names of the references that the content needs."""
    source = unpacked.get(_SOURCE, {})
    if source.get("indexRefName"):
        yield source["indexRefName"]
    for row in source.get("filter", ()):
        yield row.get("meta", {}).get("indexRefName")
    if kind == "dashboard":
        for key in unpacked[_CONTROLS]:
            yield f"controlGroup_{key}:optionsListDataView"
        for panel in unpacked[_PANELS]:
            yield from _panel_references(panel)


def _panels(panels: list[Json], known: set[tuple[str, str]], types: Types) -> Findings:
    yield from _grid(panels)
    for panel in panels:
        for problem in _panel(panel, known, types):
            yield f"panel {panel.get('title')!r}: {problem}"


def _unfiltered(panels: list[Json]) -> Findings:
    """Panels that show every event of the data view: neither they nor the dashboard filter."""
    for panel in panels:
        if panel.get("type") == "lens":
            state = panel.get("embeddableConfig", {}).get("attributes", {}).get("state", {})
            if not state.get("filters") and not state.get("query", {}).get("query"):
                yield f"panel {panel.get('title')!r}: neither it nor the dashboard has a filter"


def _panel_references(panel: Json) -> Iterator[str]:
    index = panel.get("panelIndex")
    if panel.get("type") == "search":
        yield f"{index}:{panel.get('panelRefName')}"
    attributes = panel.get("embeddableConfig", {}).get("attributes", {})
    for reference in attributes.get("references", ()):
        yield f"{index}:{reference.get('name')}"
    for link in attributes.get("links", ()):
        yield f"{index}:{link.get('destinationRefName')}"


def _closed(body: Json, wanted: list[str]) -> Findings:
    """Each wanted reference must be there once, and each reference must be wanted."""
    there = Counter(one.get("name") for one in body.get("references", ()))
    for name in wanted:
        if there[name] != 1:
            yield f"it needs exactly one reference {name!r}, it has {there[name]}"
    for name in sorted(there.keys() - set(wanted)):
        if not str(name).startswith("tag-ref-"):
            yield f"reference {name!r} is not used"


def _grid(panels: list[Json]) -> Findings:
    if len(panels) > _MAX_PANELS:
        yield f"{len(panels)} panels: Kibana takes {_MAX_PANELS}"
    indices = Counter(panel.get("panelIndex") for panel in panels)
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        title = repr(panel.get("title"))
        if (
            panel["gridData"].get("i") != panel.get("panelIndex")
            or indices[panel.get("panelIndex")] > 1
        ):
            yield f"panel {title}: panelIndex must be unique and the same as gridData.i"
        yield from _box(title, panel["gridData"])
        cells = _cells(panel["gridData"])
        if under := {taken[cell] for cell in cells if cell in taken}:
            yield f"panel {title} overlaps: {', '.join(sorted(under))}"
        taken |= dict.fromkeys(cells, str(panel.get("title")))


def _box(title: str, box: Json) -> Findings:
    if box["x"] < 0 or box["w"] < 1 or box["x"] + box["w"] > _GRID_COLUMNS:
        yield f"panel {title} leaves the grid of {_GRID_COLUMNS} columns"
    if "sectionId" in box:
        yield f"panel {title}: sections are newer than Kibana 8.11"


def _cells(box: Json) -> list[tuple[int, int]]:
    rows = range(box["y"], box["y"] + box["h"])
    return [(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in rows]


def _panel(panel: Json, known: set[tuple[str, str]], types: Types) -> Findings:
    config = panel.get("embeddableConfig", {})
    match panel.get("type"):
        case "lens":
            yield from lens.check(config.get("attributes", {}), types)
        case "visualization":
            markdown = config.get("savedVis", {}).get("params", {}).get("markdown", "")
            for is_search, target in _LINK.findall(markdown):
                if ("search" if is_search else "dashboard", target) not in known:
                    yield f"a link has the target {target!r}, which is not in this file"
        case "search":
            if not panel.get("panelRefName"):
                yield "the name of its saved search is missing"
        case "links":
            for link in config.get("attributes", {}).get("links", ()):
                if link.get("type") != "dashboardLink":
                    yield f"a link has the type {link.get('type')!r}, must be dashboardLink"
        case other:
            yield f"type {other!r} is not one of: lens, links, search, visualization"
