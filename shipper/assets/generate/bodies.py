"""Bodies of Elasticsearch's APIs by name: lifecycle policies, component and index templates.

All are plain JSON values, settings nested, as the server gives them back, so that what is
installed can be compared with what is wanted.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shipper.catalog import Catalog, EventType, Field, IndexStrategy, Scope

Body = dict[str, Any]

#: In every `_meta`: what carries it is ours to change and to remove.
MANAGED_BY = "mcp-shipper"

SETTINGS = "mcp@settings"
MAPPINGS = "mcp@mappings"

#: Over the built-in `logs-*-*` (100), Fleet's packages (200), and the 500 or 501 that Elastic's
#: documentation gives as its example for a `logs-*` of one's own: equal priorities are an error.
_PRIORITY = 600

_ROLLOVER_DAYS = 30
_WARM_AFTER_DAYS = 7
#: The longest month; and when no shipper that was cut off for a while still writes to it.
_MONTH_DAYS = 31
_MONTH_OVER_DAYS = 35

#: Characters of a keyword that are indexed; a longer value stays in `_source`.
_IGNORE_ABOVE = 1024
#: Four bytes a character at worst, within Lucene's 32,766 for one term.
_IGNORE_ABOVE_LONG = 8191
_LONG_NAMES = {"path", "uri"}
_MAY_BE_MALFORMED = {"date", "double", "float", "ip", "long"}


def policies(catalog: Catalog, scope: Scope) -> dict[str, Body]:
    """A lifecycle policy for each event type; its age counts from rollover, not from the event.

    A monthly index is never rolled over: there the age counts from its creation, so the events of
    a month's last day are kept long enough only if a month is added.
    """
    return {
        name_of(row, scope): {"policy": _policy(row, catalog, scope)}
        for row in catalog.event_types.values()
    }


def component_templates(catalog: Catalog, *, has_source_mode: bool = False) -> dict[str, Body]:
    """Settings and mappings that all streams share; `has_source_mode` is for 8.17 and later.

    One set of mappings, not one for each type: a field means the same everywhere, and one that a
    type never carries costs nothing. `dynamic` is false: what the catalog does not name is kept
    in `_source` and not indexed, so that no foreign field can refuse a document, grow the mapping
    or ask of a shipper's credentials the right to change it.
    """
    mappings = {"dynamic": False, "properties": _properties(catalog.fields.values())}
    index: Body = {"codec": "best_compression"}
    if has_source_mode:
        # `logs-*` streams of 9 may otherwise rebuild events from their index, which shortens the
        # time to milliseconds and makes text of the numbers in arguments: no chain would hold.
        index["mapping"] = {"source": {"mode": "stored"}}
    return {
        SETTINGS: _component({"settings": {"index": index}}),
        MAPPINGS: _component({"mappings": mappings}),
    }


def index_templates(catalog: Catalog, scope: Scope, *, has_ilm: bool = True) -> dict[str, Body]:
    """An index template for each event type; without ILM the stream's own lifecycle keeps it."""
    return {
        name_of(row, scope): {
            "index_patterns": [_pattern(row, scope)],
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
    """With aliases: the index that each begins with, by a name that says the month it is made in.

    The server works the month out; ILM counts on from there.
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
    """Where an event of the type is written, in Logstash's words."""
    return f"{row.index}-%{{+YYYY-MM}}" if _is_monthly(scope) else row.index


def _has_streams(scope: Scope) -> bool:
    return scope.index_strategy is IndexStrategy.DATA_STREAM


def _is_monthly(scope: Scope) -> bool:
    return scope.index_strategy is IndexStrategy.MONTHLY


def _pattern(row: EventType, scope: Scope) -> str:
    """Not `mcp-auth-*` for an index: `mcp-auth-x` may be another type's."""
    return f"{stream_of(row)}-*" if _has_streams(scope) else f"{row.index}-2*"


def stream_of(row: EventType) -> str:
    """The data streams of a type, less the namespace; also its policy and its template."""
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
    # What is kept for less than a month is rolled over as often as it is deleted, so that nothing
    # stays for more than twice its time.
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
    """Read only, and merged, when the month is surely over: nothing is written late."""
    warm = {"readonly": {}, "forcemerge": {"max_num_segments": 1}, "set_priority": {"priority": 50}}
    delete = {"delete": {"delete_searchable_snapshot": True}}
    return {
        "hot": {"min_age": "0ms", "actions": {"set_priority": {"priority": 100}}},
        # Never after the deletion: what is kept for a day is deleted on the 32nd.
        "warm": {"min_age": f"{min(_MONTH_OVER_DAYS, days + _MONTH_DAYS)}d", "actions": warm},
        "delete": {"min_age": f"{days + _MONTH_DAYS}d", "actions": delete},
    }


def _basis(row: EventType, catalog: Catalog, scope: Scope) -> Iterator[str]:
    """Who asked for the retention in force."""
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
    if not _has_streams(scope):  # only a stream can have a lifecycle of its own
        return {}
    days = scope.retention_days_of(row.name, catalog)
    return {"lifecycle": {"enabled": True, "data_retention": f"{days}d"}}


def _constants(row: EventType) -> Body:
    """What is the same in the whole stream is found even where an event does not say it."""
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
    """How a field is indexed; a value that does not fit never costs the document.

    It stays in `_source`, and the document names the field in `_ignored`.
    """
    mapping: Body = {"type": field.type}
    if field.type == "keyword" and field.path.rpartition(".")[2] in _LONG_NAMES:
        mapping["ignore_above"] = _IGNORE_ABOVE_LONG
    elif field.type in {"keyword", "flattened"}:
        mapping["ignore_above"] = _IGNORE_ABOVE
    elif field.type in _MAY_BE_MALFORMED and field.path != "@timestamp":  # a stream's must be sound
        mapping["ignore_malformed"] = True
    return mapping
