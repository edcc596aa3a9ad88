"""The exercises of `evidence.drill`, with the alerts that the events about them raise."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct
from msgspec.structs import replace

from shipper.api.record import record_verification
from shipper.catalog.alerts import alerts_of
from shipper.config import Config
from shipper.detect.engine import Engine
from shipper.evidence.collect import File
from shipper.evidence.drill import EXERCISES, Copy, Exercise, stream_for_drill
from shipper.evidence.verdict import Verdict, Word
from shipper.record.format import streams_in
from shipper.run.checkpoints import fields_of
from shipper.run.self_audit import SelfAudit


class Result(Struct, frozen=True, kw_only=True):
    """What became of one exercise."""

    exercise: str
    expected: Word
    found: Word
    alert: str
    #: Whether the alert fired, and whether the configuration has it switched on.
    fired: bool
    is_on: bool

    @property
    def is_noticed(self) -> bool:
        """Whether the word was right and the alert fired."""
        return self.found is self.expected and self.fired


def exercised(config: Config, paths: Sequence[Path]) -> Iterator[Result]:
    """Exercise on a copy of one stream below the paths, each time on a fresh one.

    Raises `CannotDrill` if there is no stream to copy.
    """
    source = stream_for_drill(paths)
    for exercise in EXERCISES:
        with TemporaryDirectory(prefix="mcp-shipper-drill-") as folder:
            yield _result(config, exercise, source, Path(folder))


def _result(config: Config, exercise: Exercise, source: Sequence[File], folder: Path) -> Result:
    (folder / "record").mkdir()
    copy = Copy(folder / "record", source)
    verdict, left = copy.after(exercise)
    scratch = replace(config, data=folder / "data")
    lines = [*left, *_own_events(scratch, copy, verdict)]
    return Result(
        exercise=exercise.name,
        expected=exercise.word,
        found=verdict.word,
        alert=exercise.alert,
        fired=exercise.alert in _raised(config, lines, exercise.later_s),
        is_on=exercise.alert in getattr(config.outputs.get("alerts"), "rules", ()),
    )


def _own_events(scratch: Config, copy: Copy, verdict: Verdict) -> list[bytes]:
    """The events that the shipper records about the copy: its checkpoint, its verification."""
    audit = SelfAudit(scratch)
    audit.checkpoint(verdict.events, fields_of(copy.signed))
    audit.close()
    record_verification(scratch, [verdict])
    streams = streams_in(scratch.data / "audit").values()
    return [line for paths in streams for path in paths for line in path.read_bytes().splitlines()]


def _raised(config: Config, lines: Sequence[bytes], later_s: float) -> set[str]:
    """The names of the alerts that these lines raise, now or that much later."""
    engine = Engine(alerts_of(config.catalog).values())
    found = engine.take(lines)
    if later_s:
        found += engine.overdue(time.time() + later_s)
    return {raised.alert.name for _, raised in found if raised}
