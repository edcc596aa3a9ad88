"""Bodies of Elasticsearch's APIs by name: lifecycle policies, component and index templates.

All are plain JSON values in the form in which the server returns them (settings are nested), so
that `setup` can compare the installed bodies with these.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shipper.catalog import Catalog, EventType, Field, IndexStrategy, Scope

Body = dict[str, Any]

#: The mark in every `_meta`: `setup` may change and remove the objects that carry it.
MANAGED_BY = "mcp-shipper"

SETTINGS = "mcp@settings"
MAPPINGS = "mcp@mappings"
#: The pipeline that every event passes last, also one that comes through Logstash.
INGESTED = "mcp-ingested"

#: Above the built-in `logs-*-*` (100), Fleet's packages (200), and the 500 and 501 of the examples
#: for custom `logs-*` templates in Elastic's documentation: equal priorities are an error.
_PRIORITY = 600

_ROLLOVER_DAYS = 30
_WARM_AFTER_DAYS = 7
#: The longest month.
_MONTH_DAYS = 31
#: After this age even a shipper that was cut off for a few days no longer writes to the index.
_MONTH_OVER_DAYS = 35

#: Characters of a keyword that are indexed; a longer value stays in `_source`.
_IGNORE_ABOVE = 1024
#: Four bytes a character at worst, within Lucene's 32,766 for one term.
_IGNORE_ABOVE_LONG = 8191
_LONG_NAMES = {"path", "uri"}
_MAY_BE_MALFORMED = {"date", "double", "float", "ip", "long"}


def policies(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """A lifecycle policy for each event type; ages count from the rollover, not from the event.

    A monthly index is never rolled over, so its age counts from its creation: its policy adds a
    month, or the events of the month's last day would be deleted too early.
    """
    return {
        name_of(row, scope): {"policy": _policy(row, catalog, scope)}
        for row in catalog.event_types.values()
    }


def component_templates(catalog: Catalog, *, has_source_mode: bool = False) -> dict[str, Body]:
    """Settings and mappings of all types; `has_source_mode` is for Elasticsearch 8.17 and later.

    All types share one set of mappings: a field means the same everywhere, and a field that a
    type never carries costs nothing. `dynamic` is false: fields that the catalog does not name
    are kept in `_source` and not indexed. Otherwise a foreign field could cause a refusal, grow
    the mapping, or require credentials that may change the mapping.
    """
    mappings = {"dynamic": False, "properties": _properties(catalog.fields.values())}
    index: Body = {"codec": "best_compression", "final_pipeline": INGESTED}
    if has_source_mode:
        # Otherwise `logs-*` data streams of version 9 may rebuild events from their index, which
        # cuts times to milliseconds and turns numbers in arguments into text: chains would break.
        index["mapping"] = {"source": {"mode": "stored"}}
    return {
        SETTINGS: _component({"settings": {"index": index}}),
        MAPPINGS: _component({"mappings": mappings}),
    }


def final_pipeline() -> dict[str, Body]:
    """The pipeline that the settings of every index name; it must be installed before them.

    Rules that read by `event.ingested` also see the events that arrive late, after an outage.
    """
    # Outside the hash of a sealed line. A foreign line may have no object there.
    has_room = "ctx.event == null || ctx.event instanceof Map"
    ingested = {"field": "event.ingested", "copy_from": "_ingest.timestamp"}
    return {
        INGESTED: {
            "description": "Sets `event.ingested`, the time at which Elasticsearch took the event.",
            "processors": [{"set": {"tag": "mcp_ingested", "if": has_room, **ingested}}],
            "_meta": {"managed_by": MANAGED_BY},
        }
    }


def index_templates(catalog: Catalog, scope: Scope, *, has_ilm: bool = True) -> dict[str, Body]:
    """An index template for each event type; without ILM, the data stream's lifecycle is set."""
    return {
        name_of(row, scope): {
            "index_patterns": [pattern_of(row, scope)],
            **({"data_stream": {}} if _has_streams(scope) else {}),
            "priority": _PRIORITY,
            "composed_of": [MAPPINGS, SETTINGS],
            "template": {
                **_lifecycle(row, catalog, scope, has_ilm=has_ilm),
                "mappings": {"properties": {"data_stream": _constants(row)}},
            },
            "_meta": {**_about(row), "classification": str(row.classification)},
        }
        for row in catalog.event_types.values()
    }


def first_indices(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """The first index of each alias, by a name with date math; empty under other strategies.

    The server fills in the current month; ILM increments the number at each rollover.
    """
    if scope.index_strategy is not IndexStrategy.ROLLOVER_ALIAS:
        return {}
    return {
        f"<{row.index}-{{now/M{{yyyy-MM}}}}-000001>": {
            "aliases": {row.index: {"is_write_index": True}}
        }
        for row in catalog.event_types.values()
    }


def name_of(row: EventType, scope: Scope) -> str:
    """The name of a type's policy and of its template."""
    return stream_of(row) if _has_streams(scope) else row.index


def index_of(row: EventType, scope: Scope) -> str:
    """The index that an event of the type is written to, in Logstash's syntax."""
    return f"{row.index}-%{{+YYYY-MM}}" if _is_monthly(scope) else row.index


def _has_streams(scope: Scope) -> bool:
    return scope.index_strategy is IndexStrategy.DATA_STREAM


def _is_monthly(scope: Scope) -> bool:
    return scope.index_strategy is IndexStrategy.MONTHLY


def pattern_of(row: EventType, scope: Scope) -> str:
    """The index pattern of a type; `mcp-auth-*` would also match another type's `mcp-auth-x`."""
    return f"{stream_of(row)}-*" if _has_streams(scope) else f"{row.index}-2*"


def stream_of(row: EventType) -> str:
    """The name of a type's data streams without the namespace; also of its policy and template."""
    return f"logs-{row.dataset}"


def _about(row: EventType) -> Body:
    return {"managed_by": MANAGED_BY, "event_type": row.name, "description": row.meaning}


def _policy(row: EventType, catalog: Catalog, scope: Scope) -> Body:
    days = scope.retention_days_of(row.name, catalog)
    return {
        "phases": _monthly_phases(days) if _is_monthly(scope) else _phases(days),
        "_meta": {
            **_about(row),
            "frameworks": list(scope.frameworks),
            "retention_days": days,
            "retention_basis": list(_basis(row, catalog, scope)),
        },
    }


def _phases(days: int) -> Body:
    # If the retention is under a month, indices roll over at that interval, so that no event is
    # kept for more than twice its retention.
    rollover = {"max_age": f"{min(_ROLLOVER_DAYS, days)}d", "max_primary_shard_size": "50gb"}
    hot = {"rollover": rollover, "readonly": {}, "set_priority": {"priority": 100}}
    merge = {"forcemerge": {"max_num_segments": 1}}
    warm = {"readonly": {}, **merge, "set_priority": {"priority": 50}}
    delete = {"delete": {"delete_searchable_snapshot": True}}
    phases: Body = {"hot": {"min_age": "0ms", "actions": hot}}
    if days > _WARM_AFTER_DAYS:  # phases must follow each other in age
        phases["warm"] = {"min_age": f"{_WARM_AFTER_DAYS}d", "actions": warm}
    phases["delete"] = {"min_age": f"{days}d", "actions": delete}
    return phases


def _monthly_phases(days: int) -> Body:
    """The index becomes read-only, and is merged, only after the last late event can arrive."""
    warm = {"readonly": {}, "forcemerge": {"max_num_segments": 1}, "set_priority": {"priority": 50}}
    delete = {"delete": {"delete_searchable_snapshot": True}}
    return {
        "hot": {"min_age": "0ms", "actions": {"set_priority": {"priority": 100}}},
        # Never after the deletion: with a retention of one day, that is after 32 days.
        "warm": {"min_age": f"{min(_MONTH_OVER_DAYS, days + _MONTH_DAYS)}d", "actions": warm},
        "delete": {"min_age": f"{days + _MONTH_DAYS}d", "actions": delete},
    }


def _basis(row: EventType, catalog: Catalog, scope: Scope) -> Iterator[str]:
    """The sources of the retention in force."""
    days = scope.retention_days_of(row.name, catalog)
    if days == row.retention_days:
        yield f"Default of {row.name}."
    if days == scope.retention_days:
        yield "The operator's retention_days."
    for framework in (catalog.frameworks[name] for name in scope.frameworks):
        if days == framework.retention_days:
            yield f"{framework.title}: {framework.basis}"


def _component(template: Body) -> Body:
    return {"template": template, "_meta": {"managed_by": MANAGED_BY}}


def _lifecycle(row: EventType, catalog: Catalog, scope: Scope, *, has_ilm: bool) -> Body:
    if has_ilm:
        lifecycle = {"name": name_of(row, scope)}
        if scope.index_strategy is IndexStrategy.ROLLOVER_ALIAS:
            lifecycle["rollover_alias"] = row.index
        return {"settings": {"index": {"lifecycle": lifecycle}}}
    if not _has_streams(scope):  # only a data stream has its own lifecycle
        return {}
    days = scope.retention_days_of(row.name, catalog)
    return {"lifecycle": {"enabled": True, "data_retention": f"{days}d"}}


def _constants(row: EventType) -> Body:
    """The constant fields of a data stream: searches find them even in events without them."""
    values = {"type": "logs", "dataset": row.dataset}
    constants = {name: {"type": "constant_keyword", "value": values[name]} for name in values}
    return {"properties": constants}


def _properties(fields: Iterable[Field]) -> Body:
    root: Body = {}
    for field in fields:
        *outer, name = field.path.split(".")
        node = root
        for part in outer:
            node = node.setdefault(part, {"properties": {}})["properties"]
        node[name] = _mapping(field)
    return root


def _mapping(field: Field) -> Body:
    """The mapping of a field; a value that does not fit does not cause a refusal.

    Such a value stays in `_source`, and the document names the field in `_ignored`.
    """
    mapping: Body = {"type": field.type}
    if field.type == "keyword" and field.path.rpartition(".")[2] in _LONG_NAMES:
        mapping["ignore_above"] = _IGNORE_ABOVE_LONG
    elif field.type in {"keyword", "flattened"}:
        mapping["ignore_above"] = _IGNORE_ABOVE
    elif field.type in _MAY_BE_MALFORMED and field.path != "@timestamp":  # data streams require it
        mapping["ignore_malformed"] = True
    return mapping
