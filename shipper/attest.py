"""The shipper's own audit events: lines that do not arrive, its start, stop and reload.

They are recorded as an application's events are, in a stream of their own below `path.data`, and
shipped as one more input of every output: absence is explained where the lines are missing.
"""

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path

from shipper import __version__
from shipper.config import Config
from shipper.deliver.discover import InputConfig
from shipper.deliver.reject import Attest, DeadLetter, kind_of
from shipper.record.event import create_compliance_event
from shipper.record.handler import AuditHandler
from shipper.status import FileStatus

#: Reasons of a batch that get an event each, and lines that an event names; the count is of all.
_MAX_REASONS = 10
_MAX_LINES = 20
#: A stream that lives on has had something to say, or been closed, within this time.
_QUIET_S = 60.0
_OTHER = "other reasons"


def own_prefix(config: Config) -> str:
    """What the paths of the shipper's own segments begin with."""
    directory = os.path.abspath(config.data / "audit")  # noqa: PTH100 - as those of followed files
    return f"{directory}/"


def attestation_of(config: Config) -> "Attestation | None":
    """What records the shipper's own events, where they are wanted."""
    return Attestation(config) if config.operation.self_audit.enabled else None


class Attestation:
    """Writes the shipper's own events; never raises, and never waits for a network."""

    def __init__(self, config: Config) -> None:
        self._own = own_prefix(config)
        self._outputs = len(config.outputs)
        service = {"name": "mcp-shipper", "version": __version__}
        self._handler = AuditHandler(self._own, service=service, **config.recording)
        #: Where the events are to be shipped from.
        self.input = InputConfig(id="mcp-shipper-audit", paths=(f"{self._own}*.jsonl",))

    def of(self, output: str) -> Attest:
        """What the pipeline of that output tells of its lines."""
        return partial(self._lines, output)

    def event(self, operation: str, *, success: bool = True, **details: object) -> None:
        """Something that was done to the shipper, or that it did."""
        self._handler.attest(
            create_compliance_event(operation, details=details or None, success=success)
        )

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
        self._handler.close()

    def _lines(self, output: str, operation: str, letters: Sequence[DeadLetter]) -> None:
        """One event for each kind of reason, with places and digests, never with content."""
        # A refused event of ours raises none, or there would be no end to it.
        theirs = [letter for letter in letters if not letter.path.startswith(self._own)]
        for reason, group in _by_reason(theirs).items():
            details = {
                "output": output,
                "reason": reason,
                "lines": [_place(letter) for letter in group[:_MAX_LINES]],
            }
            event = create_compliance_event(
                operation, details=details, records=len(group), success=False
            )
            self._handler.attest(event)


def _is_quiet(path: Path) -> bool:
    """Whether nobody writes there any more, such as a replay beside the shipper."""
    return time.time() - path.stat().st_mtime > _QUIET_S


def _by_reason(letters: Iterable[DeadLetter]) -> Mapping[str, Sequence[DeadLetter]]:
    groups: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        kind = kind_of(letter.reject.reason)
        if kind not in groups and len(groups) >= _MAX_REASONS:
            kind = _OTHER
        groups.setdefault(kind, []).append(letter)
    return groups


def _place(letter: DeadLetter) -> dict[str, object]:
    reject = letter.reject
    return {
        "path": letter.path,
        "offset": reject.offset,
        "sha256": reject.sha256 or sha256(reject.line).hexdigest(),
    }
