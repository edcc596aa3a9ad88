"""Values derived from the catalog, for every program that writes events: Python, Ruby, Painless."""

from collections.abc import Mapping
from enum import StrEnum

from shipper.catalog.model import Catalog, EventType, Field, Scope, Sensitivity

#: ECS's lists of all values of one kind in an event, and the fields that they are collected from.
RELATED: Mapping[str, tuple[str, ...]] = {
    "related.user": ("user.id", "user.name", "mcp.authz.approval.approver"),
    "related.ip": ("source.ip",),
    "related.hash": ("mcp.tool.arguments.hash", "mcp.tool.result.hash", "mcp.oauth.token.hash"),
}

#: ECS leaves the scale of `event.severity` to the source; these are Elastic's rule defaults.
SEVERITIES = {
    "debug": 0,
    "info": 0,
    "low": 21,
    "warning": 47,
    "medium": 47,
    "error": 73,
    "high": 73,
    "critical": 99,
}
#: `log.level` by severity: the words of loggers, which Elastic's own screens know.
LOG_LEVELS = {
    "debug": "debug",
    "info": "info",
    "low": "info",
    "warning": "warning",
    "medium": "warning",
    "error": "error",
    "high": "error",
    "critical": "critical",
}


class Kind(StrEnum):
    """The form into which the value of a field is brought."""

    SECRET = "secret"  # noqa: S105 - a word; never written
    FLATTENED = "flattened"  # an object with any members
    PROSE = "prose"  # a text, or any JSON value as text
    WORD = "word"  # a name, such as a tool's, or several
    PERSON = "person"  # identifies a person, on purpose in clear
    BOOLEAN = "boolean"
    LONG = "long"
    REAL = "real"
    IP = "ip"
    DATE = "date"


_BY_TYPE: Mapping[str, Kind] = {
    "flattened": Kind.FLATTENED,
    "match_only_text": Kind.PROSE,
    "boolean": Kind.BOOLEAN,
    "long": Kind.LONG,
    "float": Kind.REAL,
    "double": Kind.REAL,
    "ip": Kind.IP,
    "date": Kind.DATE,
}


def kind_of(field: Field) -> Kind:
    """The kind of a field, by its type and sensitivity."""
    if field.sensitivity is Sensitivity.SECRET:
        return Kind.SECRET
    if field.path == "event.reason":
        return Kind.PROSE
    named = Kind.PERSON if field.sensitivity is Sensitivity.PERSONAL else Kind.WORD
    return _BY_TYPE.get(field.type, named)


def constants_of(row: EventType, catalog: Catalog, scope: Scope) -> dict[str, object]:
    """The fields that are the same in every event of a type, by path."""
    return {
        "data_stream.type": "logs",
        "data_stream.dataset": row.dataset,
        "ecs.version": catalog.ecs_version,
        "event.action": row.action,
        "event.category": list(row.category),
        "event.dataset": row.dataset,
        "event.kind": row.kind,
        "event.module": "mcp",
        "event.type": list(row.type),
        "mcp.audit.classification": row.classification.value,
        "mcp.audit.frameworks": [
            name for name in scope.frameworks if row.name in catalog.frameworks[name].requires
        ],
        "mcp.audit.level": scope.level.value,
        "mcp.audit.retention_days": scope.retention_days_of(row.name, catalog),
        "mcp.audit.type": row.name,
    }
