"""The public face of recording: a `logging.Handler` that writes audit events to segment files."""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from shipper.catalog import builtin, overlaid
from shipper.errors import ShipperError
from shipper.record.append import (
    MAX_SEGMENT_AGE_S,
    MAX_SEGMENT_BYTES,
    AuditStream,
    new_stream_id,
)
from shipper.record.classify import Classified, Classifier
from shipper.record.encode import Encoder
from shipper.record.event import Event, create_compliance_event, from_record
from shipper.record.format import CONTROL_EVENTS
from shipper.record.redact import Redactor
from shipper.record.settings import Settings

_log = logging.getLogger("shipper.record")


class Counts(Struct):
    """What this handler did with the events it was given."""

    recorded: int = 0
    filtered: int = 0
    failed: int = 0


class AuditHandler(logging.Handler):
    """Writes audit events as ECS JSON lines to segment files under `directory`.

    Attach it to the logger that events go to (`mcp.audit` for instrumented servers), in code or by
    `logging.config.dictConfig`. Log records without an event are ignored. `emit` never raises and
    never waits for a network. Events that cannot be written are counted in `counts`; as soon as
    writing works again, the handler records how many were lost.

    `catalog` overlays the built-in one: a mapping with `event_types`, `fields`, `frameworks`.
    Raises `BadInput` (for the catalog its subclass `CatalogError`) if the settings are not valid.
    """

    def __init__(  # noqa: PLR0913 - the keys of a dictConfig section
        self,
        directory: str | os.PathLike[str],
        *,
        audit_level: str = "standard",
        compliance_frameworks: Iterable[str] = (),
        retention_days: int | None = None,
        catalog: Mapping[str, object] | None = None,
        namespace: str = "default",
        service: Mapping[str, str] | None = None,
        max_bytes: int = MAX_SEGMENT_BYTES,
        max_age_s: float = MAX_SEGMENT_AGE_S,
        durability: str = "flush",
    ) -> None:
        super().__init__()
        self._directory = Path(directory)
        self._catalog = overlaid(catalog) if catalog else builtin()
        settings = Settings(
            audit_level=audit_level,
            compliance_frameworks=compliance_frameworks,
            retention_days=retention_days,
            namespace=namespace,
            service=service or {},
            max_bytes=max_bytes,
            max_age_s=max_age_s,
            durability=durability,
        )
        settings.check(self._catalog)
        self._settings = settings
        self._redact = Redactor(self._catalog.fields)
        self._start()

    def _start(self) -> None:
        """Start a stream for this process: at first, and again in each forked child."""
        self._pid = os.getpid()
        self._lost = 0
        self.counts = Counts()
        stream_id = new_stream_id()
        constants = {
            **self._settings.constants,
            "host.hostname": os.uname().nodename,
            "mcp.audit.stream.id": stream_id,
            "process.pid": self._pid,
        }
        self._classify = Classifier(self._catalog, self._settings.scope, constants)
        controls = {
            event: self._own(create_compliance_event(event.operation)) for event in CONTROL_EVENTS
        }
        self._stream = AuditStream(
            self._directory, self._settings.policy, controls, Encoder(), stream_id
        )

    def _own(self, event: Event) -> Classified:
        """An event of the record itself, ready to encode."""
        classified = self._classify(event, own=True)
        assert classified is not None
        return self._redact(classified)

    @property
    def path(self) -> Path | None:
        """The segment being written; None before the first event."""
        return self._stream.path

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = from_record(record)
            if event is not None:
                self._record(event, record.created)
        except Exception as error:  # noqa: BLE001 - a failing record never raises into the app
            self._note_failure(error)

    def record(self, event: Event, time_s: float) -> str | None:
        """Write an event without `logging`; return its id, or None if its type is not active.

        Raises `OSError` if the event cannot be written, `BadInput` for an unknown type.
        """
        self.acquire()
        try:
            return self._record(event, time_s)
        finally:
            self.release()

    def record_self_audit(self, event: Event) -> None:
        """Write an event of the product itself, at any level; never raises, like `emit`."""
        self.acquire()
        try:
            self._record(event, time.time(), own=True)
        except Exception as error:  # noqa: BLE001 - counted, and recorded as soon as writing works
            self._note_failure(error)
        finally:
            self.release()

    def _record(self, event: Event, time_s: float, *, own: bool = False) -> str | None:
        if os.getpid() != self._pid:
            self._stream.abandon()
            self._start()
        classified = self._classify(event, own=own)
        if classified is None:
            self.counts.filtered += 1
            return None
        clean = self._redact(classified)
        if self._lost:
            self._record_loss(time_s)
        event_id = self._stream.append(clean, time_s)
        self.counts.recorded += 1
        return event_id

    def _record_loss(self, time_s: float) -> None:
        """Record how many events are missing before this one."""
        lost = self._lost
        loss = create_compliance_event("records-lost", records=lost, success=False)
        self._stream.append(self._own(loss), time_s)
        self._lost -= lost  # a signal handler may have lost another one meanwhile

    def _note_failure(self, error: Exception) -> None:
        """Count the failure; log the first one only, until writing works again."""
        self.counts.failed += 1
        self._lost += 1
        if self._lost == 1:
            _log.error(
                "Audit events are not recorded in %s until this is fixed: %s",
                self._directory,
                error if isinstance(error, OSError | ShipperError) else type(error).__name__,
            )

    def close(self) -> None:
        """Close the segment with its count; in a forked child, leave it to the parent."""
        self.acquire()
        try:
            if os.getpid() != self._pid:
                self._stream.abandon()
                return
            if self._lost:
                self._record_loss(time.time())
            self._stream.close(time.time())
        except Exception as error:  # noqa: BLE001 - the process is ending: log, and let it end
            _log.warning("The last segment in %s has no last line: %s", self._directory, error)
        finally:
            self.release()
            super().close()
