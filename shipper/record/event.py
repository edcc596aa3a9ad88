"""An audit event as a value, and the helpers that make one of each type.

Helpers take the callers' names (`tool_name`, `duration_ms`); `classify` turns them into ECS
paths. Nothing is redacted here: an `Event` lives in memory only, and its `repr` shows none of its
fields. A logger with an `AuditHandler` records it: `logger.info(create_tool_execution_event(...))`.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from shipper.catalog import MCPEventType

#: Names that every event may carry in addition to the fields of its type.
COMMON = frozenset(
    {
        *("user_id", "session_id", "client_id", "mcp_endpoint", "source_ip", "user_agent"),
        *("correlation_id", "success", "duration_ms", "severity"),
    }
)


class Event(Struct, frozen=True):
    """An event: a type of the catalog, and values by ECS path or by the catalog's alias.

    `repr` and `str` name the type only: an event may hold secrets until it is redacted, and any
    handler on the same logger may print it.
    """

    type: str
    fields: Mapping[str, object]

    def __repr__(self) -> str:
        return f"<Event {self.type}>"


def create_event(
    event_type: str, fields: Mapping[str, object] | None = None, **common: Any
) -> Event:
    """An event of any type, the operator's own included.

    `fields` is keyed by ECS path or by the catalog's alias of it. `common` takes the names in
    `COMMON`; any other raises `TypeError`. `success` is true, false, or None for unknown;
    `duration_ms` may have a fraction. For all other names, None means absent.
    """
    return _event(event_type, fields or {}, common)


def _event(event_type: str, fields: Mapping[str, object], common: Mapping[str, Any]) -> Event:
    if not COMMON.issuperset(common):
        name = min(common.keys() - COMMON)
        raise TypeError(f"unknown argument {name!r}; known: {', '.join(sorted(COMMON))}")
    values = {**fields, **common}
    given = {name: value for name, value in values.items() if value is not None}
    return Event(str(event_type), given)


def create_tool_execution_event(
    user_id: str | None,
    tool_name: str,
    arguments: Mapping[str, object] | None = None,
    result: object = None,
    duration_ms: float | None = None,
    cost: float | None = None,
    *,
    success: bool | None = True,
    **common: Any,
) -> Event:
    """A tool was called; `result` is any JSON value, 1000 characters of it are kept."""
    fields = {"tool_name": tool_name, "arguments": arguments, "result": result, "cost": cost}
    common |= {"user_id": user_id, "duration_ms": duration_ms, "success": success}
    return _event(MCPEventType.TOOL_EXECUTION, fields, common)


def create_resource_access_event(
    user_id: str | None,
    resource_type: str | None,
    resource_id: str,
    action: str = "read",
    data_size: int | None = None,
    *,
    success: bool | None = True,
    **common: Any,
) -> Event:
    """A resource was read, listed or changed; `data_size` is in bytes."""
    fields = {
        "resource_type": resource_type,
        "resource_id": resource_id,
        "action": action,
        "data_size": data_size,
    }
    common |= {"user_id": user_id, "success": success}
    return _event(MCPEventType.RESOURCE_ACCESS, fields, common)


def create_prompt_request_event(
    user_id: str | None,
    prompt_name: str,
    arguments: Mapping[str, object] | None = None,
    *,
    success: bool | None = True,
    **common: Any,
) -> Event:
    """A prompt was fetched."""
    fields = {"prompt_name": prompt_name, "arguments": arguments}
    common |= {"user_id": user_id, "success": success}
    return _event(MCPEventType.PROMPT_REQUEST, fields, common)


def create_authentication_event(
    user_id: str | None,
    client_id: str | None,
    oauth_flow: str | None,
    token_type: str | None = "bearer",  # noqa: S107 - the kind of token, not a token
    *,
    success: bool | None,
    failure_reason: str | None = None,
    **common: Any,
) -> Event:
    """Somebody proved, or failed to prove, who they are."""
    fields = {
        "oauth_flow": oauth_flow,
        "token_type": token_type,
        "failure_reason": failure_reason,
    }
    common |= {"user_id": user_id, "client_id": client_id, "success": success}
    return _event(MCPEventType.AUTHENTICATION, fields, common)


def create_authorization_event(
    user_id: str | None,
    mcp_endpoint: str | None,
    policy_engine: str | None,
    decision: str,
    confidence: float | None = None,
    *,
    approval_required: bool | None = None,
    **common: Any,
) -> Event:
    """A policy decided; `decision` is allow, deny, ask or not_applicable."""
    fields = {
        "policy_engine": policy_engine,
        "decision": decision,
        "confidence": confidence,
        "approval_required": approval_required,
    }
    common |= {"user_id": user_id, "mcp_endpoint": mcp_endpoint}
    return _event(MCPEventType.AUTHORIZATION, fields, common)


def create_policy_violation_event(
    user_id: str | None,
    violation_type: str,
    severity: str,
    details: str | None = None,
    action_taken: str = "blocked",
    **common: Any,
) -> Event:
    """A rule was broken; `action_taken` is blocked, redacted, alerted or allowed."""
    fields = {
        "violation_type": violation_type,
        "details": details,
        "action_taken": action_taken,
    }
    common |= {"user_id": user_id, "severity": severity}
    return _event(MCPEventType.POLICY_VIOLATION, fields, common)


def create_token_usage_event(
    user_id: str | None,
    client_id: str | None,
    token_type: str | None = "bearer",  # noqa: S107 - the kind of token, not a token
    oauth_flow: str | None = None,
    scopes: list[str] | None = None,
    *,
    success: bool | None = True,
    **common: Any,
) -> Event:
    """A token was issued, used or revoked; the token itself is never recorded."""
    fields = {"token_type": token_type, "oauth_flow": oauth_flow, "scopes": scopes}
    common |= {"user_id": user_id, "client_id": client_id, "success": success}
    return _event(MCPEventType.OAUTH2_TOKEN_USAGE, fields, common)


def create_rate_limiting_event(
    user_id: str | None,
    limit_name: str,
    limit: int | None = None,
    window_s: float | None = None,
    remaining: int | None = None,
    retry_after_s: float | None = None,
    **common: Any,
) -> Event:
    """A limit was reached."""
    fields = {
        "limit_name": limit_name,
        "limit": limit,
        "window_s": window_s,
        "remaining": remaining,
        "retry_after_s": retry_after_s,
    }
    common |= {"user_id": user_id}
    return _event(MCPEventType.RATE_LIMITING, fields, common)


def create_security_threat_event(
    user_id: str | None,
    threat_type: str,
    confidence: float,
    indicators: object = None,
    *,
    blocked: bool = False,
    source_ip: str | None = None,
    **common: Any,
) -> Event:
    """A detector saw an attack; `confidence` is 0 to 1, `indicators` any JSON value."""
    fields = {
        "threat_type": threat_type,
        "confidence": confidence,
        "indicators": indicators,
        "blocked": blocked,
    }
    common |= {"user_id": user_id, "source_ip": source_ip}
    return _event(MCPEventType.SECURITY_THREAT, fields, common)


def create_compliance_event(
    operation: str,
    control: str | None = None,
    details: object = None,
    records: int | None = None,
    user_id: str | None = None,
    *,
    success: bool | None = True,
    **common: Any,
) -> Event:
    """Something was done to the record: verified, exported, erased, configured."""
    fields = {
        "operation": operation,
        "control": control,
        "details": details,
        "records": records,
    }
    common |= {"user_id": user_id, "success": success}
    return _event(MCPEventType.COMPLIANCE, fields, common)


def from_record(record: logging.LogRecord) -> Event | None:
    """The event a log record carries: its message was one, or its `extra` has an `event_type`.

    `extra` takes the names in `COMMON`, and `event_data` for the fields of the type. Returns None
    for any other record.
    """
    if isinstance(record.msg, Event):
        return record.msg
    carried = getattr(record, CARRIED, None)
    if isinstance(carried, _Carried):
        return carried.event
    event_type = getattr(record, "event_type", None)
    if event_type is None:
        return None
    named = {name: vars(record)[name] for name in COMMON if name in vars(record)}
    return create_event(str(event_type), getattr(record, "event_data", None), **named)


#: The attribute in which a record of the logger `mcp.audit` keeps its event. Formatters that write
#: extras pass over a name that begins so.
CARRIED = "_mcp_audit_event"


class _Carried(str):
    """The event's printed form, which any formatter can write, and the event itself.

    A `QueueHandler` and many filters replace the message of a record by its text.
    """

    __slots__ = ("event",)
    event: Event


def carry(record: logging.LogRecord, message: object, args: Iterable[object]) -> None:
    """Have the record keep its event, the message or an argument, whatever becomes of both."""
    event = message if isinstance(message, Event) else _first_event(args)
    if event is not None:
        carried = _Carried(event)
        carried.event = event
        setattr(record, CARRIED, carried)


def _first_event(args: Iterable[object]) -> Event | None:
    return next((one for one in args if isinstance(one, Event)), None)


def is_printed(message: object) -> bool:
    """Whether a message shows an event that was made into text, and so cannot be recorded."""
    return isinstance(message, str) and _PRINTED.search(message) is not None


_PRINTED = re.compile(r"<Event \w+>")
