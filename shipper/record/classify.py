"""Event to ECS: names become paths, the type's row adds what it says, the rest is left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from shipper.catalog import Catalog, EventType, MCPEventType, Scope
from shipper.record.event import Event

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
#: From here on a threat is critical; the guide's own threshold for an alert.
_CERTAIN = 0.8
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the catalog made ready: everything that is the same for each event of the type."""

    name: str
    constants: Mapping[str, object]
    paths: Mapping[str, str]  # by path and by alias


class Classified(NamedTuple):
    """An event as ECS fields by path; `row.constants` hold beside `values` and yield to them."""

    row: Row
    values: Mapping[str, object]


class Classifier:
    """Turns events into ECS fields, by the catalog and what the operator chose.

    `constants` are fields of every event (service, host). Raises `KeyError` on a type that the
    catalog does not know; gives None for one that is not active.
    """

    def __init__(
        self, catalog: Catalog, scope: Scope, namespace: str, constants: Mapping[str, object]
    ) -> None:
        self.active = frozenset(scope.active(catalog))
        self._rows = {
            name: _row(row, catalog, scope, {**constants, "data_stream.namespace": namespace})
            for name, row in catalog.event_types.items()
        }

    def __call__(self, event: Event, *, own: bool = False) -> Classified | None:
        """Classify; `own` marks what the record itself raises, which is active at any level."""
        row = self._rows[event.type]
        if not own and event.type not in self.active:
            return None
        values: dict[str, object] = {}
        dropped = 0
        for name, value in event.fields.items():
            if path := row.paths.get(name):
                values[path] = value
            elif name not in _COMPUTED:
                dropped += 1
        if dropped:
            values["mcp.audit.dropped_fields"] = dropped
        return Classified(row, _completed(event, values))


#: Names that become other fields than themselves.
_COMPUTED = frozenset({"success", "severity", "duration_ms"})


def _completed(event: Event, values: dict[str, object]) -> dict[str, object]:
    """Add what follows from the values of the event: outcome, severity, duration, ECS type."""
    if derive := _DERIVATIONS.get(event.type):
        values = {**derive(values), **values}
    given = event.fields
    success = given.get("success")
    if success is not None:
        values["event.outcome"] = "success" if success else "failure"
    else:
        values.setdefault("event.outcome", "unknown")
    severity = given.get("severity") or values.get("log.level")
    if not isinstance(severity, str) or severity not in SEVERITIES:
        severity = "warning" if values["event.outcome"] == "failure" else "info"
    values["log.level"] = severity
    values["event.severity"] = SEVERITIES[severity]
    duration_ms = given.get("duration_ms")
    if isinstance(duration_ms, int | float):
        values["event.duration"] = round(duration_ms * _NS_PER_MS)
    return values


def _tool(values: Mapping[str, object]) -> dict[str, object]:
    named = "gen_ai.tool.name" in values
    return (
        {"gen_ai.operation.name": "execute_tool", "mcp.method.name": "tools/call"} if named else {}
    )


def _resource(values: Mapping[str, object]) -> dict[str, object]:
    action = values.get("mcp.resource.action")
    return {"event.action": f"resource-{action}"} if action else {}


def _authorization(values: Mapping[str, object]) -> dict[str, object]:
    match values.get("mcp.authz.decision"):
        case "allow":
            return {"event.type": ["access", "allowed"], "event.outcome": "success"}
        case "deny":
            return {"event.type": ["access", "denied"], "event.outcome": "failure"}
        case _:
            return {}


def _violation(values: Mapping[str, object]) -> dict[str, object]:
    went_on = values.get("mcp.violation.action_taken") in {"alerted", "allowed"}
    return {"event.type": ["info"] if went_on else ["denied"], "event.outcome": "failure"}


def _rate_limit(_values: Mapping[str, object]) -> dict[str, object]:
    return {"event.outcome": "failure"}


def _threat(values: Mapping[str, object]) -> dict[str, object]:
    blocked = bool(values.get("mcp.threat.blocked"))
    derived: dict[str, object] = {"event.type": ["denied"] if blocked else ["info"]}
    confidence = values.get("mcp.threat.confidence")
    if isinstance(confidence, int | float):
        derived["event.risk_score"] = round(confidence * 100, 2)
        derived["log.level"] = "critical" if confidence >= _CERTAIN else "high"
    return derived


def _compliance(values: Mapping[str, object]) -> dict[str, object]:
    operation = values.get("mcp.compliance.operation")
    return {"event.action": f"audit-{operation}"} if operation else {}


_DERIVATIONS: Mapping[str, Callable[[Mapping[str, object]], dict[str, object]]] = {
    MCPEventType.TOOL_EXECUTION: _tool,
    MCPEventType.RESOURCE_ACCESS: _resource,
    MCPEventType.AUTHORIZATION: _authorization,
    MCPEventType.POLICY_VIOLATION: _violation,
    MCPEventType.RATE_LIMITING: _rate_limit,
    MCPEventType.SECURITY_THREAT: _threat,
    MCPEventType.COMPLIANCE: _compliance,
}


def _row(row: EventType, catalog: Catalog, scope: Scope, constants: Mapping[str, object]) -> Row:
    fields = catalog.fields_of(row.name)
    return Row(
        name=row.name,
        constants={
            **constants,
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
        },
        paths={path: path for path in fields} | catalog.paths_by_alias(row.name),
    )
