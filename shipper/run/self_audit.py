"""The shipper's own audit events: lines that do not arrive, its start, stop and reload.

They are recorded as an application's events are, in a stream of their own below `path.data`, and
shipped as one more input of every output: absence is explained where the lines are missing.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from shipper import __version__
from shipper.config import Config
from shipper.deliver.dead_letters import LossReporter, kind_of
from shipper.follow.batch import BadLine
from shipper.follow.handle import Handle
from shipper.follow.inputs import InputConfig
from shipper.follow.segments import is_abandoned
from shipper.run.status import FileStatus

if TYPE_CHECKING:
    from shipper.record.handler import AuditHandler

#: Reasons of a batch that get an event each, and lines that an event names; the count is of all.
_MAX_REASONS = 10
_MAX_LINES = 20
#: A stream that lives on has had something to say, or been closed, within this time.
_QUIET_S = 60.0
#: How often dropped lines are told, and of how many files at once.
_DROPPED_INTERVAL_S = 60.0
_MAX_FILES = 100
_OTHER = "other reasons"


def self_audit_prefix(config: Config) -> str:
    """What the paths of the shipper's own segments begin with."""
    directory = os.path.abspath(config.data / "audit")  # noqa: PTH100 - as those of followed files
    return f"{directory}/"


def self_audit_of(config: Config) -> "SelfAudit | None":
    """What records the shipper's own events, where they are wanted."""
    return SelfAudit(config) if config.operation.self_audit.enabled else None


class SelfAudit:
    """Writes the shipper's own events; never raises, and never waits for a network."""

    def __init__(self, config: Config) -> None:
        self._own = self_audit_prefix(config)
        self._outputs = len(config.outputs)
        self._config = config
        self._lock = threading.Lock()
        self._handler: AuditHandler | None = None
        self._losses: list[_LossEvents] = []
        #: Whether the run before was killed: what it had counted and not told is nowhere.
        self.was_killed = _was_killed(self._own)
        #: Where the events are to be shipped from.
        self.input = InputConfig(id="mcp-shipper-audit", paths=(f"{self._own}*.jsonl",))

    def of(self, output: str) -> LossReporter:
        """What the pipeline of that output tells of its lines."""
        loss_reporter = _LossEvents(output, self._own, self.event)
        self._losses.append(loss_reporter)
        return loss_reporter

    def event(
        self,
        operation: str,
        *,
        success: bool = True,
        records: int | None = None,
        **details: object,
    ) -> None:
        """Something that was done to the shipper, or that it did to lines; from any thread."""
        from shipper.record.event import create_compliance_event

        event = create_compliance_event(
            operation, details=details or None, records=records, success=success
        )
        self._recorder().record_self_audit(event)

    def prune(self, rows: Iterable[FileStatus]) -> None:
        """Delete our segments that every output has, or each start would leave one for ever."""
        shipped = Counter(
            row.path for row in rows if row.path.startswith(self._own) and row.is_shipped
        )
        for path, outputs in shipped.items():
            if outputs == self._outputs and _is_quiet(Path(path)):
                Path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """End the stream."""
        for loss_reporter in self._losses:
            loss_reporter.flush()
        if self._handler:
            self._handler.close()

    def _recorder(self) -> "AuditHandler":
        """The handler, made when there is something to record: a tenth of a start goes to it."""
        from shipper.record.handler import AuditHandler

        with self._lock:
            if self._handler is None:
                service = {"name": "mcp-shipper", "version": __version__}
                self._handler = AuditHandler(self._own, service=service, **self._config.recording)
            return self._handler


def _was_killed(own: str) -> bool:
    latest = max(Path(own).glob("*.jsonl"), default=None)
    if latest is None:
        return False
    with latest.open("rb") as file:
        return is_abandoned(Handle(file.fileno()))


class _LossEvents:
    """Turns what one output's pipeline tells into events; for its thread alone."""

    def __init__(self, output: str, own: str, event: Callable[..., None]) -> None:
        self._output, self._own, self._event = output, own, event
        self._dropped: dict[str, list[int]] = {}
        self._flushed_s = time.monotonic()

    def dead_lettered(self, letters: Sequence[BadLine]) -> None:
        """One event for each kind of reason, with places and digests, never with content."""
        self._tell("lines-quarantined", letters)

    def truncated(self, lines: Sequence[BadLine]) -> None:
        """The same, of lines that arrive without their ends."""
        self._tell("lines-truncated", lines)

    def _tell(self, operation: str, letters: Sequence[BadLine]) -> None:
        # A refused event of ours raises none, or there would be no end to it.
        theirs = [letter for letter in letters if not letter.path.startswith(self._own)]
        for reason, group in _by_reason(theirs).items():
            self._event(
                operation,
                success=False,
                records=len(group),
                output=self._output,
                reason=reason,
                lines=[_place(letter) for letter in group[:_MAX_LINES]],
            )

    def dropped(self, path: str, offsets: Sequence[int]) -> None:
        """Counted file by file, and told once in a while: an operator may drop most of a log."""
        count, first, _ = self._dropped.get(path, (0, offsets[0], 0))
        self._dropped[path] = [count + len(offsets), min(first, offsets[0]), offsets[-1]]
        is_time = time.monotonic() - self._flushed_s >= _DROPPED_INTERVAL_S
        if is_time or len(self._dropped) > _MAX_FILES:
            self.flush()

    def flush(self) -> None:
        """Tell what was dropped since the last time."""
        dropped, self._dropped = self._dropped, {}
        self._flushed_s = time.monotonic()
        if not dropped:
            return
        files = [
            {"path": path, "lines": count, "first_offset": first, "last_offset": last}
            for path, (count, first, last) in dropped.items()
        ]
        total = sum(count for count, _, _ in dropped.values())
        self._event("lines-dropped", records=total, output=self._output, files=files)


def _is_quiet(path: Path) -> bool:
    """Whether nobody writes there any more, such as a replay beside the shipper."""
    return time.time() - path.stat().st_mtime > _QUIET_S


def _by_reason(letters: Iterable[BadLine]) -> Mapping[str, Sequence[BadLine]]:
    groups: dict[str, list[BadLine]] = {}
    for letter in letters:
        kind = kind_of(letter.reject.reason)
        if kind not in groups and len(groups) >= _MAX_REASONS:
            kind = _OTHER
        groups.setdefault(kind, []).append(letter)
    return groups


def _place(letter: BadLine) -> dict[str, object]:
    reject = letter.reject
    return {
        "path": letter.path,
        "offset": reject.offset,
        "sha256": reject.sha256 or sha256(reject.line).hexdigest(),
    }
