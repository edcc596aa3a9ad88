"""The commands on dead letters: list them by reason, and send them again."""

import random
import time
from collections.abc import Callable, Iterator

from msgspec import Struct

from shipper.config import Config
from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import (
    DeadLetter,
    DeadLetters,
    dead_letters_folder,
    dead_letters_path,
    decoded,
    kind_of,
)
from shipper.deliver.pipeline import PipelineConfig
from shipper.deliver.replay import (
    KeptDeadLetters,
    Replay,
    obstacle,
    read_dead_letters,
)
from shipper.deliver.settle import Settler
from shipper.deliver.stats import State, Stats
from shipper.outputs import OUTPUTS
from shipper.outputs.base import Output
from shipper.run.self_audit import self_audit_of
from shipper.run.service import pipeline_config

#: How long a replay waits in total for an unavailable output: a person is waiting for the command.
_PATIENCE_S = 30.0
_BACKOFF_INIT_S, _BACKOFF_MAX_S = 1.0, 5.0

#: Stands for a line that is no longer a dead letter after an edit of the file.
_UNREADABLE = DeadLetter(
    timestamp="", reason="cannot be read", output="", path="", offset=0, length=0
)

Wanted = Callable[[DeadLetter], bool]


class DeadLetterGroup(Struct, kw_only=True):
    """Dead letters of one output with the same kind of reason, which a replay treats alike."""

    output: str
    reason: str
    #: Why a replay would keep them; empty if it would send them.
    obstacle: str
    count: int = 0
    size_bytes: int = 0
    oldest: str = ""
    newest: str = ""

    def add(self, dead_letter: DeadLetter, size_bytes: int) -> None:
        self.count += 1
        self.size_bytes += size_bytes
        self.oldest = min(self.oldest or dead_letter.timestamp, dead_letter.timestamp)
        self.newest = max(self.newest, dead_letter.timestamp)


class ReplayResult(Struct, frozen=True):
    """The result of a replay of the dead letters of one output."""

    output: str
    delivered: int
    refused: int
    kept: KeptDeadLetters
    #: Why it stopped early; empty if it did not.
    error: str = ""


def outputs_with_dead_letters(config: Config) -> list[str]:
    """The outputs with dead letters, including those that are no longer configured."""
    folder = dead_letters_folder(config.data)
    # glob would return nothing, instead of an error, for a folder that we may not read.
    paths = folder.iterdir() if folder.exists() else ()
    names = {path.name.partition(".")[0] for path in paths if path.suffix == ".ndjson"}
    return sorted(name for name in names if next(_read(config, name), b""))


def dead_letter_groups(config: Config, output: str, wanted: Wanted) -> list[DeadLetterGroup]:
    """The `wanted` dead letters of an output, by the kind of their reason."""
    found: dict[tuple[str, str], DeadLetterGroup] = {}
    for line in _read(config, output):
        dead_letter = decoded(line) or _UNREADABLE
        if not wanted(dead_letter):
            continue
        key = kind_of(dead_letter.reason), obstacle(dead_letter)
        group = found.setdefault(
            key, DeadLetterGroup(output=output, reason=key[0], obstacle=key[1])
        )
        group.add(dead_letter, len(line))
    return sorted(found.values(), key=lambda group: -group.count)


def _read(config: Config, output: str) -> Iterator[bytes]:
    return read_dead_letters(dead_letters_path(config.data, output))


def replay(config: Config, output: str, wanted: Wanted) -> ReplayResult:
    """Send the `wanted` dead letters of `output` again, and record it as an audit event."""
    stats = Stats()
    sender = OUTPUTS[output].create(config.outputs[output])
    shape = pipeline_config(output, config)
    settler = _settler(shape, sender, stats)
    work = Replay(shape.dead_letters_path, wanted, settler.settle, shape.max_lines)
    try:
        is_done = work.run()
    finally:
        sender.close()
        if stats.delivered or stats.rejected:
            _record(config, output, stats)
    error = "" if is_done else stats.last_error
    return ReplayResult(output, stats.delivered, stats.rejected, work.kept, error)


def _settler(shape: PipelineConfig, sender: Output, stats: Stats) -> Settler:
    return Settler(
        sender,
        DeadLetters(
            shape.dead_letters_path, output=shape.name, max_bytes=shape.dead_letters_max_bytes
        ),
        stats,
        name=shape.name,
        sleep=_Patience(stats).sleep,
        backoff=Backoff(_BACKOFF_INIT_S, _BACKOFF_MAX_S, random.random),
        random=random.random,
    )


def _record(config: Config, output: str, stats: Stats) -> None:
    self_audit = self_audit_of(config)
    if self_audit is None:
        return
    counts = {"delivered": stats.delivered, "refused": stats.rejected}
    self_audit.event("letters-replayed", success=not stats.rejected, output=output, **counts)
    self_audit.close()


class _Patience:
    """Waits for an unavailable output, up to a limit, because a person waits for the command."""

    def __init__(self, stats: Stats) -> None:
        self._stats, self._left_s = stats, _PATIENCE_S

    def sleep(self, delay_s: float) -> bool:
        """Wait; False if a wait cannot help or would exceed the limit."""
        self._left_s -= delay_s
        if self._left_s < 0 or self._stats.state in {State.REFUSED, State.FULL}:
            return False
        time.sleep(delay_s)
        return True
