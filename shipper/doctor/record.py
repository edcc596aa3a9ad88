"""What the segments on disk state about events that were not recorded, and who signs them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from shipper.config import Config
from shipper.doctor.files import user
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.follow.discover import scan
from shipper.record.format import segment_named

#: The newest segments, and their ends: a disabled logger shows soon.
_MAX_SEGMENTS, _MAX_BYTES = 20, 1 << 20
#: Lines by which a stream states losses: event.action, and why it is so.
_LOSSES = {
    b"audit-records-suppressed": (
        "events were held back by the configuration of a logger or handler",
        "give the logger `mcp.audit` the level INFO, no filter, and a handler at level INFO",
    ),
    b"audit-records-lost": (
        "events could not be written",
        "check the disk and the rights on the directory that the application writes to",
    ),
    b"audit-segment-missing": (
        "events were in segments that were removed while they were written",
        "delete segments only with `mcp-shipper prune`",
    ),
}
_RECORDS = re.compile(rb'"records":(\d+)')


def record(config: Config) -> Iterator[Finding]:
    """Whether events were recorded lately, and losses that the streams themselves state."""
    segments = _segments(config)
    if not segments:
        what = "the inputs contain no audit segment"
        yield warning("record", what, "record an event, as README.md shows")
        return
    lost = dict.fromkeys(_LOSSES, 0)
    for path in segments:
        for line in _last_lines(path):
            for action in _LOSSES:
                if b'"action":"%b"' % action in line and (found := _RECORDS.search(line)):
                    lost[action] += int(found[1])
    for action, count in lost.items():
        if count:
            what, fix = _LOSSES[action]
            yield warning("record", f"{count:,} {what}, according to the newest segments", fix)
    if not any(lost.values()):
        yield ok("record", f"the newest segments ({len(segments)}) state no lost events")


def _segments(config: Config) -> list[Path]:
    """The newest audit segments of the inputs."""
    found = [one for one in scan(config.inputs) if segment_named(Path(one.path).name)]
    newest = sorted(found, key=lambda one: one.mtime_ns)[-_MAX_SEGMENTS:]
    return [Path(one.path) for one in newest if os.access(one.path, os.R_OK)]


def _last_lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _MAX_BYTES))
        return file.read(_MAX_BYTES).splitlines()


def keys(config: Config) -> Iterator[Finding]:
    """Whether checkpoints are signed, by a key that the application cannot use."""
    evidence = config.operation.evidence
    if not evidence.enabled:
        what = "no key signs the record: `verify` ends with `unsigned-tail`"
        yield warning("keys", what, "mcp-shipper keys create FILE --name NAME, and evidence.key")
        return
    if not evidence.key:
        yield ok("keys", "a command signs the checkpoints")
        return
    key = Path(evidence.key)
    if not os.access(key, os.R_OK):
        what = f"{key} cannot be read by {user(os.geteuid())}"
        yield problem("keys", what, f"chown {user(os.geteuid())} {key}", os.EX_NOPERM)
        return
    writers = {path.stat().st_uid for path in _segments(config)}
    if key.stat().st_uid in writers:
        what = f"{user(key.stat().st_uid)} writes the events and can also sign them"
        yield warning(
            "keys",
            what,
            "run the application and the shipper as different users (docs/evidence.md)",
        )
        return
    yield ok("keys", f"{key} signs the checkpoints")
