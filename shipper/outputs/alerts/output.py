"""Runs the rules over every event, and records an alert as an event of the shipper's own stream.

It has its own position, as every output has, so a destination that is down delays no alert. Alerts
are shipped to every output like other events.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from shipper.catalog.alerts import RAISED_BY, Alert, alerts
from shipper.detect.blocks import Block, BlockFile
from shipper.detect.engine import Engine, Found, Raised
from shipper.detect.journal import Journal
from shipper.detect.rules import Noted
from shipper.lines import Lines
from shipper.outputs.alerts.config import AlertsConfig
from shipper.outputs.base import DELIVERED, Outcome

if TYPE_CHECKING:
    from shipper.record.handler import AuditHandler

#: An alert names at most this many of the events that led to it.
_MAX_IDS = 100
_FRAMEWORK = "MITRE ATT&CK"
#: An older event is of a backlog, in which the events that seem to be missing may come later.
_RECENT_S = 60.0
_TIME = re.compile(rb'\{"@timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"')
_log = logging.getLogger("shipper.alerts")
_CORRELATION = re.compile(rb'"correlation":\{"id":"([^"]+)"')


class Alerts:
    """One engine and its journal, opened with the first batch."""

    def __init__(self, config: AlertsConfig) -> None:
        self._config = config
        known = alerts() if config.alerts is None else config.alerts
        self._rules: list[Alert] = [known[name] for name in config.rules or known]
        self._engine: Engine | None = None
        self._journal: Journal | None = None
        self._handler: AuditHandler | None = None
        self._warned_at = 1
        #: Alerts that are in the record: a crash may have come between the record and the journal.
        self._recorded: set[str] = set()

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Count the events of audit streams; every line is delivered."""
        engine, journal = self._opened()
        sealed = [*_sealed(lines)]
        noted = [*self._noted(engine.take(sealed))]
        if sealed and _is_recent(sealed[-1]):
            noted += self._noted(engine.overdue(time.time()))
        settled = engine.settle()
        if settled.counted or noted:
            journal.commit(settled, noted)
        self._warn_of_forgotten(engine.forgotten)
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

    def _block(self, raised: Raised) -> None:
        """Let applications block the calls of the group, if the operator wants that."""
        config = self._config.block
        if config is None or raised.alert.name not in config.rules:
            return
        until_s = raised.hits[-1].at_s + config.minutes * 60
        block = Block(raised.alert.name, raised.id, raised.group, until_s)
        try:
            BlockFile(Path(config.file or "blocks.json")).add([block])
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            _log.error("Alerts: %s cannot be blocked: %s", raised.id, error)

    def _opened(self) -> tuple[Engine, Journal]:
        if self._engine is None or self._journal is None:
            self._engine = Engine(self._rules)
            self._journal = Journal(self._config.journal, self._engine)
            self._recorded = set(_recorded_in(self._config.audit))
        return self._engine, self._journal

    def _noted(self, found: Iterable[Found]) -> Iterator[Noted]:
        """The hits; their alerts are recorded on the way."""
        for hit, raised in found:
            if raised:
                self._record(raised)
            yield hit

    def _warn_of_forgotten(self, count: int) -> None:
        if count < self._warned_at:
            return
        self._warned_at = 2 * count
        _log.warning(
            "Alerts: rules have forgotten %d groups or streams, those of the oldest events: "
            "only so many are kept, so an attack spread over more is not seen",
            count,
        )

    def _record(self, raised: Raised) -> None:
        self._block(raised)
        if raised.id in self._recorded:
            return
        from shipper.record.handler import AuditHandler  # a tenth of a start, and alerts are rare

        if self._handler is None:
            self._handler = AuditHandler(self._config.audit, **self._config.recording)
        self._handler.record_self_audit(_event_of(raised))


def _is_recent(line: bytes) -> bool:
    """Whether the event was written just now, so that events that are missing are overdue."""
    found = _TIME.match(line)
    if not found:
        return False
    return abs(time.time() - datetime.fromisoformat(found[1].decode()).timestamp()) < _RECENT_S


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
        "usual": raised.reason.usual,
        "seen": raised.reason.seen,
    }
    if raised.forgotten:
        indicators["forgotten_groups"] = raised.forgotten
    fields: dict[str, object] = {
        "mcp.threat.type": alert.name,
        "mcp.threat.event_ids": [hit.id for hit in raised.hits[:_MAX_IDS]],
        "mcp.threat.indicators": indicators,
        RAISED_BY: alert.name,
        "rule.name": alert.title,
        "event.risk_score": alert.risk_score,
    }
    if alert.attack:
        fields["threat.framework"] = _FRAMEWORK
        fields["threat.technique.id"] = alert.attack.technique.id
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
