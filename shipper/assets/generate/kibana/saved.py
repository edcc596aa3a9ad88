"""Saved objects in the shape of Kibana's import, one on each line, each with a version.

The versions are old on purpose: Kibana refuses newer objects than itself and converts older ones,
so 8.11 and all later versions take this set. `dashboards` explains why each needs a version.
"""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from shipper.assets.generate.bodies import MANAGED_BY, Body
from shipper.assets.generate.kibana.model import AGENTS_VIEW, EVENTS_VIEW, Search
from shipper.catalog import Catalog, IndexStrategy, Scope

Reference = dict[str, str]

_CORE_VERSION = "8.8.0"
_OLDEST = "8.0.0"
_TAG = "mcp-shipper"
#: Where Elastic's packages keep the events of agents: their prompts, decisions and tool calls.
_AGENTS = ("logs-claude_code.*-*", "logs-claude_cowork.*-*")
#: The field of these events that no event of ours has.
DECISION = "claude_code.events.decision"
#: Milliseconds from an event to its arrival in Elasticsearch.
DELAY = "delay_to_ingest"
#: Fields of the data view that Kibana computes for each query; in UTC, as the events are.
_RUNTIME_FIELDS = {"day_of_week": "keyword", DELAY: "long", "hour_of_day": "keyword"}
_SCRIPTS = {
    "day_of_week": (
        "def day = doc['@timestamp'].value.getDayOfWeekEnum(); emit(day.getValue() + ' '"
        " + day.getDisplayName(TextStyle.SHORT, Locale.ROOT));"
    ),
    DELAY: (
        "if (doc.containsKey('event.ingested') && doc['event.ingested'].size() > 0) {"
        " def ingested = doc['event.ingested'].value;"
        " emit(ChronoUnit.MILLIS.between(doc['@timestamp'].value, ingested)); }"
    ),
    "hour_of_day": (
        "def hour = doc['@timestamp'].value.getHour(); emit((hour < 10 ? '0' : '') + hour);"
    ),
}
SEARCH_SOURCE: Body = {"query": {"language": "kuery", "query": ""}, "filter": []}
_SEARCH_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
_REVISION_DIGITS = 10


def refer(kind: str, object_id: str, name: str) -> Reference:
    """A reference of one saved object to another."""
    return {"type": kind, "id": object_id, "name": name}


def packed(value: object) -> str:
    """JSON inside JSON, always in the same bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def line(body: Body) -> bytes:
    """The object as a line of an import file."""
    return packed(body).encode() + b"\n"


def saved(
    kind: str,
    object_id: str,
    attributes: Body,
    references: Iterable[Reference] = (),
    *,
    version: str = _OLDEST,
) -> Body:
    """The envelope; an object that Kibana lists carries mcp-shipper's tag and its revision.

    `setup` recognises an unchanged object by its revision: Kibana stores objects in its own
    shapes, which cannot be compared.
    """
    tag = [] if kind in {"tag", "index-pattern"} else [refer("tag", _TAG, f"tag-ref-{_TAG}")]
    body = {
        "id": object_id,
        "type": kind,
        "attributes": attributes,
        "references": [*references, *tag],
        "coreMigrationVersion": _CORE_VERSION,
        "typeMigrationVersion": version,
        "managed": False,
    }
    if "description" in attributes:
        mark = f" ({MANAGED_BY} {sha256(line(body)).hexdigest()[:_REVISION_DIGITS]})"
        body["attributes"] = {**attributes, "description": attributes["description"] + mark}
    return body


def tag() -> Body:
    """The tag of all generated objects."""
    about = {"name": _TAG, "description": "Audit of MCP servers", "color": "#0b64dd"}
    return saved("tag", _TAG, about)


def data_views(catalog: Catalog, scope: Scope) -> list[Body]:
    """The data view of all event types, and the one that has the events of agents too."""
    ours = patterns(catalog, scope)
    return [
        _data_view(EVENTS_VIEW, "MCP audit events", ours, catalog),
        _data_view(AGENTS_VIEW, "MCP audit events and agents", [*ours, *_AGENTS], catalog),
    ]


def _data_view(view: str, name: str, indices: Iterable[str], catalog: Catalog) -> Body:
    about = {
        "title": ",".join(indices),
        "name": name,
        "timeFieldName": "@timestamp",
        "allowNoIndex": True,  # so that dashboards load before the first event
        "fields": "[]",
        "fieldAttrs": "{}",
        "fieldFormatMap": packed(dict(_formats(catalog))),
        "runtimeFieldMap": packed(runtime_mappings()),
        "sourceFilters": "[]",
        "typeMeta": "{}",
    }
    return saved("index-pattern", view, about)


def patterns(catalog: Catalog, scope: Scope) -> list[str]:
    """The index patterns that hold every event type: `logs-mcp.*-*`, and the operator's own."""
    rows = catalog.event_types.values()
    if scope.index_strategy is not IndexStrategy.DATA_STREAM:
        return [f"{row.index}-2*" for row in rows]
    others = [f"logs-{row.dataset}-*" for row in rows if not row.dataset.startswith("mcp.")]
    return ["logs-mcp.*-*", *others]


def runtime_mappings() -> dict[str, Any]:
    """The computed fields, in the shape of a search request or a data view."""
    return {
        name: {"type": _RUNTIME_FIELDS[name], "script": {"source": source}}
        for name, source in _SCRIPTS.items()
    }


def field_types(catalog: Catalog) -> dict[str, str]:
    """The Elasticsearch type of every field that a panel, search or rule may name."""
    ours = {path: row.type for path, row in catalog.fields.items()}
    return ours | _RUNTIME_FIELDS | {DECISION: "keyword"}


def _formats(catalog: Catalog) -> Iterable[tuple[str, Mapping[str, object]]]:
    """The display formats of fields that are not shown as plain numbers."""
    duration = {
        "inputFormat": "nanoseconds",
        "outputFormat": "asMilliseconds",
        "outputPrecision": 1,
        "showSuffix": True,
        "useShortSuffix": True,
    }
    formats: dict[str, Mapping[str, object]] = {
        "event.duration": {"id": "duration", "params": duration},
        "mcp.resource.size": {"id": "bytes"},
        "event.sequence": {"id": "string"},  # an identifier, without thousands separators
        "process.pid": {"id": "string"},
    }
    return ((path, row) for path, row in formats.items() if path in catalog.fields)


def search(row: Search) -> Body:
    """A saved search."""
    source = {
        "highlightAll": True,
        "version": True,
        "query": {"language": "kuery", "query": row.query},
        "filter": [],
        "indexRefName": _SEARCH_INDEX,
    }
    about = {
        "title": row.title,
        "description": row.description,
        "columns": list(row.columns),
        "sort": [["@timestamp", "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "usesAdHocDataView": False,
        "rowHeight": 1,
        # Without it, Discover keeps its last 15 minutes, where a link seems to find nothing.
        "timeRestore": True,
        "timeRange": {"from": "now-30d", "to": "now"},
        "kibanaSavedObjectMeta": {"searchSourceJSON": packed(source)},
    }
    return saved("search", row.id, about, [refer("index-pattern", row.view, _SEARCH_INDEX)])
