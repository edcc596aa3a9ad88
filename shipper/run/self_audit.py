"""Self-audit: events that the shipper records about itself.

They report its start, stop and reload, and lines that do not arrive. They are written to an audit
stream of their own in `path.data`, which every output ships as one more input, so that the events
are found where lines are missing.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.account import account
from shipper.config import Config
from shipper.deliver.dead_letters import LossReporter, kind_of
from shipper.follow.batch import BadLine
from shipper.follow.handle import Handle
from shipper.follow.inputs import InputConfig
from shipper.follow.segments import is_abandoned
from shipper.run.status import FileStatus, self_audit_prefix
from shipper.shown import as_text

if TYPE_CHECKING:
    from shipper.record.handler import AuditHandler
    from shipper.wire.note import Note

#: A batch causes at most this many events, one for each kind of reason, and one for the others.
_MAX_REASONS = 10
#: An event counts all lines and lists at most this many.
_MAX_LINES = 20
#: A segment that is still in use is written or closed within this time.
_QUIET_S = 60.0
#: How often dropped lines are recorded, and the most files in one event.
_DROPPED_INTERVAL_S = 60.0
_MAX_FILES = 100
_OTHER = "other reasons"


def self_audit_of(config: Config) -> "SelfAudit | None":
    """The self-audit; None if it is disabled."""
    return SelfAudit(config) if config.operation.self_audit.enabled else None


class SelfAudit:
    """Records events about the shipper; never raises, and never waits for a network."""

    def __init__(self, config: Config) -> None:
        self._prefix = self_audit_prefix(config)
        self._outputs = len(config.outputs)
        self._config = config
        self._lock = threading.Lock()
        self._handler: AuditHandler | None = None
        self._losses: list[_Losses] = []
        #: Whether the previous run was killed: the dropped lines it had counted are not recorded.
        self.was_killed = _was_killed(self._prefix)
        #: The input that ships the events.
        self.input = InputConfig(
            id="mcp-shipper-audit", paths=(f"{self._prefix}*.jsonl",), is_own=True
        )

    def loss_reporter(self, output: str) -> LossReporter:
        """Records the losses of the pipeline of that output."""
        losses = _Losses(output, self._prefix, self.event)
        self._losses.append(losses)
        return losses

    def event(
        self,
        operation: str,
        *,
        success: bool = True,
        records: int | None = None,
        **details: object,
    ) -> None:
        """Record an event; from any thread."""
        from shipper.record.event import create_compliance_event

        event = create_compliance_event(
            operation, None, details or None, records, account(), success=success
        )
        self._recorder().record_self_audit(event)

    def checkpoint(self, records: int, stated: Mapping[str, object]) -> None:
        """Record a signed checkpoint of that many more events; from any thread."""
        from shipper.record.event import create_compliance_event

        event = create_compliance_event("checkpoint", records=records)
        self._recorder().record_self_audit(event, stated)

    def anchored(self, operation: str, stream: str, note: "Note") -> None:
        """Record that others signed a checkpoint; from any thread."""
        from shipper.record.event import create_compliance_event

        event = create_compliance_event(operation, records=note.checkpoint.size)
        values = {"stream": stream, "size": note.checkpoint.size, "note": str(note)}
        stated = {f"mcp.audit.checkpoint.{name}": value for name, value in values.items()}
        self._recorder().record_self_audit(event, stated)

    def settings(self, changes: Mapping[str, object], user: str | None) -> None:
        """Record which settings are other ones than before, and whose file they are in."""
        from shipper.record.event import create_compliance_event

        event = create_compliance_event("config", details=changes, user_id=user)
        self._recorder().record_self_audit(event)

    def prune(self, rows: Iterable[FileStatus]) -> None:
        """Delete the segments that every output has shipped, as each start adds one."""
        shipped = Counter(
            row.path for row in rows if row.path.startswith(self._prefix) and row.is_shipped
        )
        for path, outputs in shipped.items():
            if outputs == self._outputs and _is_quiet(Path(path)):
                Path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """Record the last losses and end the stream."""
        for losses in self._losses:
            losses.flush()
        if self._handler:
            self._handler.close()

    def _recorder(self) -> "AuditHandler":
        """The handler, created with the first event because that takes a tenth of a start."""
        from shipper.record.handler import AuditHandler

        with self._lock:
            if self._handler is None:
                self._handler = AuditHandler(self._prefix, **self._config.self_recording)
            return self._handler


def _was_killed(prefix: str) -> bool:
    latest = max(Path(prefix).glob("*.jsonl"), default=None)
    if latest is None:
        return False
    with latest.open("rb") as file:
        return is_abandoned(Handle(file.fileno()))


class _Losses:
    """Records the losses of one output's pipeline; used by the pipeline's thread only."""

    def __init__(self, output: str, prefix: str, event: Callable[..., None]) -> None:
        self._output, self._prefix, self._event = output, prefix, event
        self._dropped: dict[str, list[int]] = {}
        self._flushed_s = time.monotonic()

    def dead_lettered(self, lines: Sequence[BadLine]) -> None:
        """Record one event for each kind of reason, with places and digests but no content."""
        self._record("lines-quarantined", lines)

    def truncated(self, lines: Sequence[BadLine]) -> None:
        """Record the same about lines that are sent without their ends."""
        self._record("lines-truncated", lines)

    def _record(self, operation: str, lines: Sequence[BadLine]) -> None:
        # An event about a rejected event of the self-audit could be rejected too, without end.
        reported = [line for line in lines if not line.path.startswith(self._prefix)]
        for reason, group in _by_reason(reported).items():
            self._event(
                operation,
                success=False,
                records=len(group),
                output=self._output,
                reason=reason,
                lines=[_place(line) for line in group[:_MAX_LINES]],
            )

    def dropped(self, path: str, offsets: Sequence[int]) -> None:
        """Count the lines by file, and record them at intervals: they may be most of a log."""
        count, first, _ = self._dropped.get(path, (0, offsets[0], 0))
        self._dropped[path] = [count + len(offsets), min(first, offsets[0]), offsets[-1]]
        is_time = time.monotonic() - self._flushed_s >= _DROPPED_INTERVAL_S
        if is_time or len(self._dropped) > _MAX_FILES:
            self.flush()

    def flush(self) -> None:
        """Record the lines dropped since the last time."""
        dropped, self._dropped = self._dropped, {}
        self._flushed_s = time.monotonic()
        if not dropped:
            return
        files = [
            {"path": as_text(path), "lines": count, "first_offset": first, "last_offset": last}
            for path, (count, first, last) in dropped.items()
        ]
        total = sum(count for count, _, _ in dropped.values())
        self._event("lines-dropped", records=total, output=self._output, files=files)


def _is_quiet(path: Path) -> bool:
    """Whether no other process, such as a replay, is still writing the segment."""
    return time.time() - path.stat().st_mtime > _QUIET_S


def _by_reason(lines: Iterable[BadLine]) -> Mapping[str, Sequence[BadLine]]:
    groups: dict[str, list[BadLine]] = {}
    for line in lines:
        kind = kind_of(line.reject.reason)
        if kind not in groups and len(groups) >= _MAX_REASONS:
            kind = _OTHER
        groups.setdefault(kind, []).append(line)
    return groups


def _place(line: BadLine) -> dict[str, object]:
    reject = line.reject
    return {
        "path": as_text(line.path),
        "offset": reject.offset,
        "sha256": reject.sha256 or sha256(reject.line).hexdigest(),
    }
