"""An audit event as a value, and the helpers that make one of each type.

Helpers take the callers' names (`tool_name`, `duration_ms`) and give an `Event` whose fields are
ECS paths. Nothing is redacted here: an `Event` holds what happened, in memory only, and says
nothing of its fields when printed. It goes to the record through a logger that has an
`AuditHandler`: `logger.info(create_tool_execution_event(...))`.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from shipper.catalog import MCPEventType

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
#: Where the callers' names that carry a meaning of their own go.
_COMMON = {
    "user_id": "user.id",
    "session_id": "mcp.session.id",
    "client_id": "mcp.client.id",
    "mcp_endpoint": "mcp.method.name",
    "source_ip": "source.ip",
    "user_agent": "user_agent.original",
    "correlation_id": "mcp.correlation.id",
}
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """What happened: a type of the catalog, and values by ECS path.

    `repr` and `str` name the type only: an event may hold secrets until it is redacted, and any
    handler on the same logger may print it.
    """

    type: str
    fields: Mapping[str, object]

    def __repr__(self) -> str:
        return f"<Event {self.type}>"


def create_event(
    event_type: str,
    fields: Mapping[str, object] | None = None,
    *,
    success: bool | None = None,
    duration_ms: float | None = None,
    severity: str | None = None,
    **common: object,
) -> Event:
    """An event of any type, the operator's own included.

    `fields` is keyed by ECS path or by the catalog's alias of it. `common` takes user_id,
    session_id, client_id, mcp_endpoint, source_ip, user_agent and correlation_id; an unknown name
    raises `TypeError`. `success` None means that the outcome is not known. A value of None is
    the same as leaving it out.
    """
    if unknown := common.keys() - _COMMON.keys():
        raise TypeError(f"unknown argument {sorted(unknown)[0]!r}; known: {sorted(_COMMON)}")
    severity = severity or ("warning" if success is False else "info")
    values: dict[str, object] = {
        "event.outcome": _outcome(success),
        "event.severity": SEVERITIES.get(severity, 0),
        "log.level": severity,
    }
    if duration_ms is not None:
        values["event.duration"] = round(duration_ms * _NS_PER_MS)
    for name, value in common.items():
        if value is not None:
            values[_COMMON[name]] = value
    for path, value in (fields or {}).items():
        if value is not None:
            values[path] = value
    return Event(str(event_type), values)


def _outcome(success: bool | None) -> str:  # noqa: FBT001 - the guide's parameter
    return "unknown" if success is None else "success" if success else "failure"


def create_tool_execution_event(
    user_id: str | None,
    tool_name: str,
    arguments: Mapping[str, object] | None = None,
    result: object = None,
    duration_ms: float | None = None,
    cost: float | None = None,
    *,
    success: bool | None = True,
    **common: object,
) -> Event:
    """A tool was called. `result` may be any JSON value; its first 1000 characters are kept."""
    fields = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool_name,
        "gen_ai.tool.call.arguments": arguments,
        "mcp.tool.result.text": result,
        "mcp.cost.amount": cost,
    }
    common.setdefault("mcp_endpoint", "tools/call")
    return create_event(
        MCPEventType.TOOL_EXECUTION,
        fields,
        success=success,
        duration_ms=duration_ms,
        user_id=user_id,
        **common,
    )


def create_resource_access_event(
    user_id: str | None,
    resource_type: str | None,
    resource_id: str,
    action: str = "read",
    data_size: int | None = None,
    *,
    success: bool | None = True,
    **common: object,
) -> Event:
    """A resource was read, listed or changed. `data_size` is in bytes."""
    fields = {
        "event.action": f"resource-{action}",
        "mcp.resource.type": resource_type,
        "mcp.resource.uri": resource_id,
        "mcp.resource.action": action,
        "mcp.resource.size": data_size,
    }
    return create_event(
        MCPEventType.RESOURCE_ACCESS, fields, success=success, user_id=user_id, **common
    )


def create_prompt_request_event(
    user_id: str | None,
    prompt_name: str,
    arguments: Mapping[str, object] | None = None,
    *,
    success: bool | None = True,
    **common: object,
) -> Event:
    """A prompt was fetched."""
    fields = {"gen_ai.prompt.name": prompt_name, "mcp.prompt.arguments": arguments}
    common.setdefault("mcp_endpoint", "prompts/get")
    return create_event(
        MCPEventType.PROMPT_REQUEST, fields, success=success, user_id=user_id, **common
    )


def create_authentication_event(
    user_id: str | None,
    client_id: str | None,
    oauth_flow: str | None,
    token_type: str | None = "bearer",  # noqa: S107 - the kind of token, not a token
    *,
    success: bool | None,
    failure_reason: str | None = None,
    **common: object,
) -> Event:
    """Somebody proved, or failed to prove, who they are."""
    fields = {
        "mcp.oauth.grant_type": oauth_flow,
        "mcp.oauth.token_type": token_type,
        "event.reason": failure_reason,
    }
    return create_event(
        MCPEventType.AUTHENTICATION,
        fields,
        success=success,
        user_id=user_id,
        client_id=client_id,
        **common,
    )


def create_authorization_event(
    user_id: str | None,
    mcp_endpoint: str | None,
    policy_engine: str | None,
    decision: str,
    confidence: float | None = None,
    *,
    approval_required: bool | None = None,
    **common: object,
) -> Event:
    """A policy decided. `decision` is allow, deny, ask or not_applicable; deny is a failure."""
    fields = {
        "event.type": ["access", *_DECIDED.get(decision, ())],
        "mcp.authz.engine": policy_engine,
        "mcp.authz.decision": decision,
        "mcp.authz.confidence": confidence,
        "mcp.authz.approval.required": approval_required,
    }
    common.setdefault("success", _ALLOWED.get(decision))
    return create_event(
        MCPEventType.AUTHORIZATION, fields, user_id=user_id, mcp_endpoint=mcp_endpoint, **common
    )


_DECIDED = {"allow": ["allowed"], "deny": ["denied"]}
_ALLOWED = {"allow": True, "deny": False}


def create_policy_violation_event(
    user_id: str | None,
    violation_type: str,
    severity: str,
    details: str | None = None,
    action_taken: str = "blocked",
    **common: object,
) -> Event:
    """A rule was broken. `action_taken` is blocked, redacted, alerted or allowed."""
    fields = {
        "event.type": ["info" if action_taken in {"alerted", "allowed"} else "denied"],
        "mcp.violation.type": violation_type,
        "mcp.violation.details": details,
        "mcp.violation.action_taken": action_taken,
    }
    common.setdefault("success", False)
    return create_event(
        MCPEventType.POLICY_VIOLATION, fields, severity=severity, user_id=user_id, **common
    )


def create_token_usage_event(
    user_id: str | None,
    client_id: str | None,
    token_type: str | None = "bearer",  # noqa: S107 - the kind of token, not a token
    oauth_flow: str | None = None,
    scopes: list[str] | None = None,
    *,
    success: bool | None = True,
    **common: object,
) -> Event:
    """A token was issued, used or revoked. The token itself is no parameter: it is never logged."""
    fields = {
        "mcp.oauth.token_type": token_type,
        "mcp.oauth.grant_type": oauth_flow,
        "mcp.oauth.scopes.granted": scopes,
    }
    return create_event(
        MCPEventType.OAUTH2_TOKEN_USAGE,
        fields,
        success=success,
        user_id=user_id,
        client_id=client_id,
        **common,
    )


def create_rate_limiting_event(
    user_id: str | None,
    limit_name: str,
    limit: int | None = None,
    window_s: float | None = None,
    remaining: int | None = None,
    retry_after_s: float | None = None,
    **common: object,
) -> Event:
    """A limit was reached."""
    fields = {
        "mcp.rate_limit.name": limit_name,
        "mcp.rate_limit.limit": limit,
        "mcp.rate_limit.window_s": window_s,
        "mcp.rate_limit.remaining": remaining,
        "mcp.rate_limit.retry_after_s": retry_after_s,
    }
    common.setdefault("success", False)
    return create_event(MCPEventType.RATE_LIMITING, fields, user_id=user_id, **common)


def create_security_threat_event(
    user_id: str | None,
    threat_type: str,
    confidence: float,
    indicators: object = None,
    *,
    blocked: bool = False,
    source_ip: str | None = None,
    **common: object,
) -> Event:
    """A detector saw an attack. `confidence` is 0 to 1; `indicators` is any JSON value."""
    fields = {
        "event.type": ["denied" if blocked else "info"],
        "event.risk_score": round(confidence * 100, 2),
        "mcp.threat.type": threat_type,
        "mcp.threat.confidence": confidence,
        "mcp.threat.indicators": _as_object(indicators),
        "mcp.threat.blocked": blocked,
    }
    common.setdefault("severity", "critical" if confidence >= _CERTAIN else "high")
    return create_event(
        MCPEventType.SECURITY_THREAT, fields, user_id=user_id, source_ip=source_ip, **common
    )


#: From here on a threat is critical; the guide's own threshold for an alert.
_CERTAIN = 0.8


def _as_object(value: object) -> object:
    """`flattened` takes objects only, so a bare list or string goes under a key."""
    return value if value is None or isinstance(value, Mapping) else {"values": value}


def create_compliance_event(
    operation: str,
    control: str | None = None,
    details: object = None,
    records: int | None = None,
    user_id: str | None = None,
    *,
    success: bool | None = True,
    **common: object,
) -> Event:
    """Something was done to the record: verified, exported, erased, configured."""
    fields = {
        "event.action": f"audit-{operation}",
        "mcp.compliance.operation": operation,
        "mcp.compliance.control": control,
        "mcp.compliance.details": _as_object(details),
        "mcp.compliance.records": records,
    }
    return create_event(MCPEventType.COMPLIANCE, fields, success=success, user_id=user_id, **common)


def from_record(record: logging.LogRecord) -> Event | None:
    """The event a log record carries: its message is one, or its `extra` has an `event_type`.

    `extra` takes the keys of `create_event`, with `event_data` for its fields. Any other record
    is no audit event: None.
    """
    if isinstance(record.msg, Event):
        return record.msg
    event_type = getattr(record, "event_type", None)
    if event_type is None:
        return None
    named = {name: getattr(record, name, None) for name in (*_COMMON, *_SHARED)}
    return create_event(str(event_type), getattr(record, "event_data", None), **named)


_SHARED = ("success", "duration_ms", "severity")
