"""What each operation answers, beside `success` and `operation`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from shipper.evidence.report.model import Report
from shipper.evidence.verdict import Verdict
from shipper.run.usage import Measured

#: An event as it was recorded.
Event = Annotated[dict[str, Any], Meta(title="Event")]


class Status(Struct, frozen=True):
    """Of get_status."""

    audit_level: str
    active_events: Sequence[str]
    real_time_monitoring: bool
    compliance_frameworks: Sequence[str]
    retention_days: int
    elk_integration: bool


class Logged(Struct, frozen=True, omit_defaults=True):
    """Of log_audit_event; `reason` is why the event was filtered."""

    event_id: str | None
    event_type: str
    user_id: str | None
    severity: str
    status: str
    reason: str | None = None


class LoggedAll(Struct, frozen=True):
    """Of log_audit_events."""

    logged: int
    filtered: int
    events: Sequence[Logged]


class Asked(Struct, frozen=True):
    """The period of a summary."""

    since: str
    until: str


class Summary(Struct, frozen=True):
    """Of get_audit_summary."""

    audit_level: str
    total_event_types: int
    event_types: Sequence[str]
    compliance_frameworks: Sequence[str]
    real_time_monitoring: bool
    period: Asked
    total_events: int
    by_type: Mapping[str, int]
    by_outcome: Mapping[str, int]
    by_severity: Mapping[str, int]


class Found(Struct, frozen=True):
    """Of search_audit_events."""

    events: Sequence[Event]
    count: int
    is_complete: bool


class Alert(Struct, frozen=True):
    """An alert that the shipper raised."""

    id: str
    time: str
    rule: str
    title: str
    severity: str
    risk_score: float | None
    technique: str | None
    group: Mapping[str, Any]
    explanation: str
    usual: str
    seen: str
    events: Sequence[str]


class AlertsFound(Struct, frozen=True):
    """Of get_alerts."""

    alerts: Sequence[Alert]
    count: int
    is_complete: bool


class Streamed(Struct, frozen=True):
    """Of stream_events."""

    events: Sequence[Event]
    after: str
    missed: Sequence[str]


class Output(Struct, frozen=True):
    """The state of one output, as `mcp-shipper status` shows it."""

    output: str
    state: str
    error: str
    files: int
    behind_bytes: int
    dead_letters_bytes: int
    oldest_unacknowledged_s: float | None
    delivered: int | None
    rejected: int | None
    delivery_success_rate: float | None
    account: Mapping[str, int]


class Metrics(Struct, frozen=True):
    """Of get_metrics."""

    outputs: Sequence[Output]
    record: Measured


class Verification(Struct, frozen=True):
    """Of get_verification."""

    is_damaged: bool
    total_events: int
    streams: Sequence[Verdict]


ANSWERS: Mapping[str, type[Struct]] = {
    "get_status": Status,
    "get_metrics": Metrics,
    "get_verification": Verification,
    "log_audit_event": Logged,
    "log_audit_events": LoggedAll,
    "get_audit_summary": Summary,
    "search_audit_events": Found,
    "get_compliance_report": Report,
    "get_alerts": AlertsFound,
    "stream_events": Streamed,
}
