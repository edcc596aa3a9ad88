"""One operation in, one answer out: the JSON interface, as a function."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from shipper.api.answers import Logged, LoggedAll, Status
from shipper.api.reading import alerts, audit_summary, stream_events
from shipper.api.record import compliance_report, search_audit_events
from shipper.api.requests import check
from shipper.api.state import metrics, verification
from shipper.config import Config, from_mapping
from shipper.config.model import DEFAULT_RETENTION_DAYS
from shipper.errors import ShipperError
from shipper.outputs import OUTPUTS
from shipper.record.event import create_event
from shipper.record.format import valid
from shipper.record.handler import AuditHandler
from shipper.yaml.reader import close_to

#: Outputs that lead into the ELK stack.
_ELK = ("elasticsearch", "logstash")
#: The operation must answer soon, even if the output's own timeout is long.
_PROBE_TIMEOUT_S = 5.0
_REQUEST = (
    *("user_id", "session_id", "client_id", "mcp_endpoint", "source_ip", "user_agent"),
    *("correlation_id", "success", "duration_ms"),
)

Answer = dict[str, Any]


def process(
    context: Mapping[str, Any], config: Config | Mapping[str, object] | None = None
) -> Answer:
    """Carry out `context["operation"]` and answer; never raises on bad input.

    docs/api.md has the operations. After a failure `success` is false, and `error` gives the
    reason.
    """
    if not isinstance(context, Mapping):
        kind = type(context).__name__  # type: ignore[unreachable]  # untyped callers exist
        what = f"expected an object with the operation, found {kind}"
        return _failure("", what)
    operation = str(context.get("operation", "get_status"))
    if operation not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        close = close_to(operation, OPERATIONS)
        return _failure(operation, f"unknown operation {operation!r}{close}; known: {known}")
    try:
        checked = config if isinstance(config, Config) else from_mapping(config or {})
        check(operation, context, checked.catalog)
        return carry_out(operation, context, checked)
    except (ShipperError, OSError) as error:
        return _failure(operation, str(error))


def carry_out(operation: str, context: Mapping[str, Any], config: Config) -> Answer:
    """The answer to a request that was checked; raises `ShipperError` and `OSError`."""
    answer: Answer = msgspec.json.decode(
        msgspec.json.encode(OPERATIONS[operation](context, config))
    )
    return {"success": True, "operation": operation} | answer


def _failure(operation: str, error: str) -> Answer:
    return {"success": False, "operation": operation, "error": error}


def _get_status(_context: Mapping[str, Any], config: Config) -> Status:
    return Status(
        audit_level=config.scope.level.value,
        active_events=config.scope.active(config.catalog),
        real_time_monitoring=config.real_time_monitoring,
        compliance_frameworks=list(config.scope.frameworks),
        retention_days=config.scope.retention_days or DEFAULT_RETENTION_DAYS,
        elk_integration=_elk_answers(config),
    )


def _elk_answers(config: Config) -> bool:
    """Whether at least one output into the ELK stack is configured, and all of them answer."""
    configured = [name for name in _ELK if name in config.outputs]
    return bool(configured) and all(_answers(name, config.outputs[name]) for name in configured)


def _answers(name: str, settings: Any) -> bool:
    patience_s = min(settings.timeout_s, _PROBE_TIMEOUT_S)
    output = OUTPUTS[name].create(replace(settings, timeout_s=patience_s))
    try:
        output.probe()
    except ShipperError:
        return False
    finally:
        output.close()
    return True


def _log_audit_event(context: Mapping[str, Any], config: Config) -> Logged:
    event_type = str(context.get("event_type"))
    severity = context.get("severity") or "info"
    named = {name: context[name] for name in _REQUEST if context.get(name) is not None}
    event = create_event(event_type, context.get("event_data"), severity=severity, **named)
    event_id = _handler_for(config).record(event, time.time())
    return Logged(
        event_id=event_id,
        event_type=event_type,
        user_id=named.get("user_id") and valid(named["user_id"]),
        severity=severity,
        status="logged" if event_id else "filtered",
        reason=None if event_id else _why_filtered(event_type, config),
    )


def _why_filtered(event_type: str, config: Config) -> str:
    level = config.catalog.event_types[event_type].level.value
    return (
        f"{event_type} is recorded from level {level}; the level is {config.scope.level.value} "
        "and no chosen framework requires it"
    )


def _log_audit_events(context: Mapping[str, Any], config: Config) -> LoggedAll:
    """Log a batch, which was checked as one: with a problem in it, no event is logged."""
    answers = [_log_audit_event(event, config) for event in context["events"]]
    counts = Counter(answer.status for answer in answers)
    return LoggedAll(counts["logged"], counts["filtered"], answers)


OPERATIONS: Mapping[str, Callable[[Mapping[str, Any], Config], msgspec.Struct]] = {
    "get_status": _get_status,
    "get_metrics": metrics,
    "get_verification": verification,
    "log_audit_event": _log_audit_event,
    "log_audit_events": _log_audit_events,
    "get_audit_summary": audit_summary,
    "search_audit_events": search_audit_events,
    "get_compliance_report": compliance_report,
    "get_alerts": alerts,
    "stream_events": stream_events,
}

#: One handler for each configuration, reused because each handler writes its own audit stream.
#: `logging` closes them at the end of the process. Their number stays small, because a process has
#: few configurations.
_handlers: dict[str, AuditHandler] = {}
_opening = threading.Lock()


def _handler_for(config: Config) -> AuditHandler:
    """The handler that records under this configuration."""
    settings = config.recording
    key = json.dumps([str(config.audit), settings], sort_keys=True, default=str)
    with _opening:
        if key not in _handlers:
            _handlers[key] = AuditHandler(config.audit, **settings)
        return _handlers[key]
