"""The public face of recording: a `logging.Handler` that writes audit events to segment files."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from shipper.catalog import builtin, overlaid
from shipper.record.calls import Begun, OpenCalls
from shipper.record.event import Event
from shipper.record.logger import EventHandler, audit_logger, enlist
from shipper.record.policy import MAX_SEGMENT_AGE_S, MAX_SEGMENT_BYTES
from shipper.record.recording import Counts, recording
from shipper.record.settings import Settings


class AuditHandler(EventHandler):
    """Writes audit events as ECS JSON lines to segment files under `directory`.

    Attach it to the logger `mcp.audit`, in code or by `logging.config.dictConfig`; what others
    configure later does not take it away. On a logger of another name the usual rules of `logging`
    hold. Log records without an event are ignored. `emit` never waits for a network, and raises
    only `NotRecorded`, for event types with `on_failure: block`. Events that cannot be written, or
    that the configuration holds back, are counted in `counts`; as soon as writing works, the
    handler records how many there were.

    A second handler with the same directory and settings writes to the same stream. Of two
    handlers in one directory that get the same log record, one writes it.

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
        known = overlaid(catalog) if catalog else builtin()
        settings = Settings(
            audit_level=audit_level,
            compliance_frameworks=compliance_frameworks
            if isinstance(compliance_frameworks, str)
            else tuple(compliance_frameworks),
            retention_days=retention_days,
            namespace=namespace,
            service=service or {},
            max_bytes=max_bytes,
            max_age_s=max_age_s,
            durability=durability,
        )
        settings.check(known)
        self._recording = recording(Path(directory), settings, known)
        # Last: logging closes what it knows, and a handler that could not be made has no record.
        super().__init__()
        self.lock = self._recording.lock
        audit_logger()
        enlist(self)

    @property
    def counts(self) -> Counts:
        """What became of the events so far."""
        return self._recording.counts

    @property
    def path(self) -> Path | None:
        """The segment being written; None before the first event."""
        return self._recording.path

    def emit(self, record: logging.LogRecord) -> None:
        self._recording.emit(record)

    def take(self, event: Event, time_s: float) -> bool:
        if type(self) is not AuditHandler or self._recording.seen is not None:
            return False  # what overrides `emit`, and two handlers of a directory, need the record
        with self._recording.lock:
            self._recording.take(event, time_s)
        return True

    def record(self, event: Event, time_s: float, *, own: bool = False) -> str | None:
        """Write an event without `logging`; return its id, or None if its type is not active.

        Only an `own` event, of the product itself, may state losses; it is active at any level.

        Raises `OSError` if the event cannot be written, `BadInput` for an unknown type.
        """
        with self._recording.lock:
            return self._recording.record(event, time_s, own=own)

    def record_self_audit(self, event: Event, stated: Mapping[str, object] | None = None) -> bool:
        """Write an event of the product itself, at any level; whether it is written.

        Never raises. `stated` are fields by path that only the record itself writes, such as
        `mcp.audit.*`.
        """
        with self._recording.lock:
            return self._recording.record_self_audit(event, stated or {})

    def require(self, event_type: str) -> None:
        """Raise `NotRecorded` if an event of a type with `on_failure: block` cannot be written."""
        self._recording.require(event_type)

    def suppressed(self) -> None:
        """Count an event that the configuration of the logger or the handler holds back."""
        with self._recording.lock:
            self._recording.suppressed()

    def begin(self, call: Begun) -> tuple[OpenCalls, int] | None:
        """Note that a call has begun, for the case that its process ends before it."""
        return self._recording.begin(call)

    def finish(self) -> None:
        """Close the segment with its count; the next event opens another one."""
        with self._recording.lock:
            self._recording.close()

    def close(self) -> None:
        """Close the segment with its count; in a forked child, leave it to the parent."""
        self.finish()
        super().close()
