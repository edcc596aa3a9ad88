"""Event to ECS: names become paths, the event type adds its fields, other names are dropped."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shipper.catalog import Catalog, MCPEventType, Scope
from shipper.catalog.derived import LOG_LEVELS, SEVERITIES, constants_of
from shipper.errors import BadInput, Problem
from shipper.record.classified import Classified, Variant
from shipper.record.event import Event
from shipper.record.limits import MAX_SHAPES

#: From here on a threat is critical; the guide's own threshold for an alert.
_CERTAIN = 0.8
_NS_PER_MS = 1_000_000

#: The names that every event may carry which are no field, with the field that each decides.
_COMPUTED = {
    "success": "event.outcome",
    "severity": "event.severity",
    "duration_ms": "event.duration",
}
#: Fields that only the record itself writes: from a caller they would be forged.
_OWN = re.compile(
    r"""(?x)
    @timestamp | message | data_stream\..* | ecs\.version | host\..* | process\.pid
    | log\.level | service\..* | related\..* | mcp\.audit\..* | mcp\.redaction\..*
    | event\.(?:dataset|duration|hash|id|ingested|kind|module|outcome|sequence|severity)
    | mcp\.tool\.arguments\.hash | mcp\.tool\.result\.truncated"""
)

#: Statements about the record, by which readers count lines and losses: the record's own as well.
_OWN_ACTIONS = frozenset(
    {
        *("audit-segment-start", "audit-segment-end", "audit-segment-missing"),
        *("audit-records-lost", "audit-records-suppressed", "audit-call-lost"),
    }
)


#: From the values of an event, the fields that follow from them; fields in the event win.
_Derive = Callable[[Mapping[str, object]], dict[str, object]]


class _Shape:
    """Everything that is the same for all events of a type that carry the same names.

    `paths` has one for each name; None where the catalog has no such field.
    """

    def __init__(
        self,
        event_type: str,
        paths: tuple[str | None, ...],
        constants: Mapping[str, object],
        *,
        is_active: bool,
    ) -> None:
        self.is_active = is_active
        self.derive: _Derive | None = _DERIVATIONS.get(event_type)
        self.variants: dict[tuple[str, str], Variant] = {}
        self._type = event_type
        self._paths = paths
        self.dropped = paths.count(None)
        self._constants = constants

    def values(self, given: Iterable[object]) -> dict[str, object]:
        values: dict[Any, object] = dict(zip(self._paths, given, strict=False))
        if self.dropped:
            del values[None]
            values["mcp.audit.dropped_fields"] = self.dropped
        return values

    def variant(self, outcome: str, severity: str) -> Variant:
        decided = {
            "event.outcome": outcome,
            "event.severity": SEVERITIES[severity],
            "log.level": LOG_LEVELS[severity],
        }
        constants = {**self._constants, **decided}
        variant = self.variants[outcome, severity] = Variant(self._type, constants)
        return variant


class Classifier:
    """Turns events into ECS fields, by the catalog and the operator's scope.

    `constants` are fields of every event (service, host). Returns None for a type that is not
    active; raises `BadInput` for a type that the catalog does not know.
    """

    def __init__(self, catalog: Catalog, scope: Scope, constants: Mapping[str, object]) -> None:
        self._active = frozenset(scope.active(catalog))
        self._types = {
            name: ({**constants, **constants_of(row, catalog, scope)}, _paths(name, catalog))
            for name, row in catalog.event_types.items()
        }
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def __call__(self, event: Event, *, own: bool = False) -> Classified | None:
        """Classify; with `own`, an event of the record itself, which is active at any level."""
        fields = event.fields
        key = (event.type, *fields)
        shape = self._shapes.get(key) or self._shape(key)
        if not shape.is_active and not own:
            return None
        values = shape.values(fields.values())
        if shape.derive:
            values = {**shape.derive(values), **values}
        if not own and "event.action" in values and _is_own(values["event.action"]):
            del values["event.action"]
            values["mcp.audit.dropped_fields"] = shape.dropped + 1
        if "event.duration" in values:
            values["event.duration"] = _nanoseconds(values["event.duration"])
        outcome = _outcome(values.pop("event.outcome", None))
        severity = _severity(values.pop("event.severity", None), outcome)
        variant = shape.variants.get((outcome, severity)) or shape.variant(outcome, severity)
        return Classified(variant, values)

    def _shape(self, key: tuple[str, ...]) -> _Shape:
        name, *names = key
        if name not in self._types:
            known = ", ".join(self._types)
            raise BadInput([Problem("event_type", f"unknown {name[:100]!r}; known: {known}")])
        constants, paths = self._types[name]
        found = tuple(paths.get(name) for name in names)
        if name == MCPEventType.TOOL_EXECUTION and "gen_ai.tool.name" in found:
            constants = {**constants, **_TOOL_CALL}
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        shape = _Shape(name, found, constants, is_active=name in self._active)
        self._shapes[key] = shape
        return shape


_TOOL_CALL = {"gen_ai.operation.name": "execute_tool", "mcp.method.name": "tools/call"}


def _paths(name: str, catalog: Catalog) -> dict[str, str]:
    """The field for each name that events of the type may use, its path or its alias."""
    by_name = {path: path for path in catalog.fields_of(name)} | catalog.paths_by_alias(name)
    return {name: path for name, path in by_name.items() if not _OWN.fullmatch(path)} | _COMPUTED


def _is_own(action: object) -> bool:
    """Whether an action, or one of several, is a statement of the record about itself."""
    if isinstance(action, str):
        return str.__str__(action) in _OWN_ACTIONS
    return isinstance(action, list | tuple | set | frozenset) and any(map(_is_own, action))


def _nanoseconds(duration_ms: object) -> int | None:
    """None, which fits no field, if it is not a duration."""
    if isinstance(duration_ms, float):
        return round(duration_ms * _NS_PER_MS) if math.isfinite(duration_ms) else None
    return duration_ms * _NS_PER_MS if isinstance(duration_ms, int) else None


def _outcome(success: object) -> str:
    """The outcome, from `success` as callers give it or as derived."""
    return _OUTCOMES.get(success, "unknown") if isinstance(success, (int, str)) else "unknown"


_OUTCOMES: Mapping[object, str] = {
    True: "success",
    False: "failure",
    "success": "success",
    "failure": "failure",
}


def _severity(severity: object, outcome: str) -> str:
    if isinstance(severity, str) and (word := severity.lower()) in SEVERITIES:
        return word
    return "warning" if outcome == "failure" else "info"


#: A verb that may become part of an action: up to three words, too short for a secret.
_VERB = re.compile(r"[a-z]{1,16}(?:[_-][a-z]{1,16}){0,2}")


def _action(prefix: str, verb: object) -> dict[str, object]:
    if isinstance(verb, str) and _VERB.fullmatch(verb):
        return {"event.action": f"{prefix}-{verb}"}
    return {}


def _resource(values: Mapping[str, object]) -> dict[str, object]:
    return _action("resource", values.get("mcp.resource.action"))


def _authorization(values: Mapping[str, object]) -> dict[str, object]:
    match values.get("mcp.authz.decision"):
        case "allow":
            return {"event.type": ["access", "allowed"], "event.outcome": "success"}
        case "deny":
            return {"event.type": ["access", "denied"], "event.outcome": "failure"}
        case _:
            return {}


def _violation(values: Mapping[str, object]) -> dict[str, object]:
    continued = values.get("mcp.violation.action_taken") in ("alerted", "allowed")
    return {"event.type": ["info"] if continued else ["denied"], "event.outcome": "failure"}


def _rate_limit(_values: Mapping[str, object]) -> dict[str, object]:
    return {"event.outcome": "failure"}


def _threat(values: Mapping[str, object]) -> dict[str, object]:
    blocked = values.get("mcp.threat.blocked") is True
    derived: dict[str, object] = {"event.type": ["denied"] if blocked else ["info"]}
    confidence = values.get("mcp.threat.confidence")
    if isinstance(confidence, int | float):
        derived["event.risk_score"] = round(confidence * 100, 2)
        derived["event.severity"] = "critical" if confidence >= _CERTAIN else "high"
    return derived


def _compliance(values: Mapping[str, object]) -> dict[str, object]:
    return _action("audit", values.get("mcp.compliance.operation"))


_DERIVATIONS: Mapping[str, _Derive] = {
    MCPEventType.RESOURCE_ACCESS: _resource,
    MCPEventType.AUTHORIZATION: _authorization,
    MCPEventType.POLICY_VIOLATION: _violation,
    MCPEventType.RATE_LIMITING: _rate_limit,
    MCPEventType.SECURITY_THREAT: _threat,
    MCPEventType.COMPLIANCE: _compliance,
}
