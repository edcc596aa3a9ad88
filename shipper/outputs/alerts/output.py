"""Runs the rules over every event, and records an alert as an event of the shipper's own stream.

It has its own position, as every output has, so a destination that is down delays no alert. Alerts
are shipped to every output like other events.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipper.catalog.alerts import alerts
from shipper.detect.engine import Engine, Noted, Raised
from shipper.detect.journal import Journal
from shipper.lines import Lines
from shipper.outputs.alerts.config import AlertsConfig
from shipper.outputs.base import DELIVERED, Outcome

if TYPE_CHECKING:
    from shipper.record.handler import AuditHandler

#: An alert names at most this many of the events that led to it.
_MAX_IDS = 100
_FRAMEWORK = "MITRE ATT&CK"
_CORRELATION = re.compile(rb'"correlation":\{"id":"([^"]+)"')


class Alerts:
    """One engine and its journal, opened with the first batch."""

    def __init__(self, config: AlertsConfig) -> None:
        self._config = config
        known = alerts()
        self._rules = [known[name] for name in config.rules or known]
        self._engine: Engine | None = None
        self._journal: Journal | None = None
        self._handler: AuditHandler | None = None
        #: Alerts that are in the record: a crash may have come between the record and the journal.
        self._recorded: set[str] = set()

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Count the events of audit streams; every line is delivered."""
        engine, journal = self._opened()
        before = dict(engine.counted)
        noted: list[Noted] = []
        for line in _sealed(lines):
            for hit, raised in engine.take(line):
                noted.append(hit)
                if raised:
                    self._record(raised)
        changed = {key: at for key, at in engine.counted.items() if before.get(key) != at}
        if changed:
            journal.commit(changed, noted)
        return [DELIVERED] * len(lines)

    def probe(self) -> str:
        """The rules are part of the program: there is nothing to reach."""
        return f"{len(self._rules)} rules"

    def close(self) -> None:
        """Close the journal and end the stream of this output's alerts."""
        if self._journal:
            self._journal.close()
        if self._handler:
            self._handler.close()
        self._engine = self._journal = self._handler = None

    def _opened(self) -> tuple[Engine, Journal]:
        if self._engine is None or self._journal is None:
            self._engine = Engine(self._rules)
            self._journal = Journal(self._config.journal, self._engine)
            self._recorded = set(_recorded_in(self._config.audit))
        return self._engine, self._journal

    def _record(self, raised: Raised) -> None:
        if raised.id in self._recorded:
            return
        from shipper.record.handler import AuditHandler  # a tenth of a start, and alerts are rare

        if self._handler is None:
            self._handler = AuditHandler(self._config.audit, **self._config.recording)
        self._handler.record_self_audit(_event_of(raised))


def _sealed(lines: Lines) -> Iterator[bytes]:
    """The lines of audit streams; others could forge an alert, or drown one."""
    found = iter(lines)
    if not lines.origins:
        yield from found
    for origin in lines.origins:
        part = [next(found) for _ in range(origin.count)]
        if not origin.key:
            yield from part


def _event_of(raised: Raised) -> Any:
    from shipper.record.event import create_event

    alert = raised.alert
    indicators = {
        **raised.group,
        "events": len(raised.hits),
        "threshold": alert.threshold,
        "window_minutes": alert.window_minutes,
        "explanation": alert.description,
    }
    fields = {
        "mcp.threat.type": alert.name,
        "mcp.threat.event_ids": [hit.id for hit in raised.hits[:_MAX_IDS]],
        "mcp.threat.indicators": indicators,
        "rule.name": alert.title,
        "event.risk_score": alert.risk_score,
        "threat.framework": _FRAMEWORK,
        "threat.technique.id": alert.attack.technique.id,
    }
    return create_event(
        "mcp_security_threats",
        fields,
        severity=alert.severity.value,
        correlation_id=raised.id,
        user_id=raised.group.get("user.id"),
        source_ip=raised.group.get("source.ip"),
    )


def _recorded_in(audit: Path) -> Iterator[str]:
    """The ids of the alerts in the segments that are still there."""
    for path in sorted(audit.glob("*.jsonl")):
        with path.open("rb") as file:
            for line in file:
                if b'"mcp.threats"' in line and (found := _CORRELATION.search(line)):
                    yield found[1].decode()
