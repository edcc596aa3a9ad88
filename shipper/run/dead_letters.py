"""Dead letters as an operator meets them: what is there and why, and sending it again."""

import random
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from shipper.config import Config
from shipper.deliver.backoff import Backoff
from shipper.deliver.dead_letters import DeadLetters, DeadLetter, kind_of
from shipper.deliver.replay import KeptDeadLetters, Replay, decoded, obstacle, read_dead_letters
from shipper.deliver.settle import Settler
from shipper.deliver.stats import State, Stats
from shipper.outputs import OUTPUTS
from shipper.outputs.base import Output
from shipper.run.self_audit import self_audit_of
from shipper.run.service import pipeline_config

#: How long a replay waits in all for an output that is away: a person sits before it.
_PATIENCE_S = 30.0
_BACKOFF_INIT_S, _BACKOFF_MAX_S = 1.0, 5.0

#: Stands for a letter that a person has edited until it was none.
_UNREADABLE = DeadLetter(timestamp="", reason="cannot be read", output="", path="", offset=0, length=0)

Wanted = Callable[[DeadLetter], bool]


class DeadLetterGroup(Struct, kw_only=True):
    """Dead letters of one output that have the same kind of reason, and the same fate."""

    output: str
    reason: str
    #: Why a replay would keep them; empty where it would send them.
    obstacle: str
    count: int = 0
    size_bytes: int = 0
    oldest: str = ""
    newest: str = ""

    def add(self, letter: DeadLetter, size_bytes: int) -> None:
        self.count += 1
        self.size_bytes += size_bytes
        self.oldest = min(self.oldest or letter.timestamp, letter.timestamp)
        self.newest = max(self.newest, letter.timestamp)


class ReplayResult(Struct, frozen=True):
    """What became of the dead letters of one output."""

    output: str
    delivered: int
    refused: int
    kept: KeptDeadLetters
    #: Why it ended before it came to the end.
    error: str = ""


def outputs_with_dead_letters(config: Config) -> list[str]:
    """The outputs that have any, those that are configured no more included."""
    folder = config.data / "dead-letters"
    # glob would find nothing where we may not look.
    paths = folder.iterdir() if folder.exists() else ()
    names = {path.name.partition(".")[0] for path in paths if path.suffix == ".ndjson"}
    return sorted(name for name in names if next(read_dead_letters(folder / f"{name}.ndjson"), b""))


def dead_letter_groups(config: Config, output: str, wanted: Wanted) -> list[DeadLetterGroup]:
    """The dead letters of an output that are `wanted`, by the kind of their reason."""
    found: dict[tuple[str, str], DeadLetterGroup] = {}
    for line in read_dead_letters(_path(config, output)):
        letter = decoded(line) or _UNREADABLE
        if not wanted(letter):
            continue
        key = kind_of(letter.reason), obstacle(letter)
        group = found.setdefault(key, DeadLetterGroup(output=output, reason=key[0], obstacle=key[1]))
        group.add(letter, len(line))
    return sorted(found.values(), key=lambda group: -group.count)


def _path(config: Config, output: str) -> Path:
    return config.data / "dead-letters" / f"{output}.ndjson"


def replay(config: Config, output: str, wanted: Wanted) -> ReplayResult:
    """Send the dead letters of `output` again, and record it as an audit event."""
    stats = Stats()
    sender = OUTPUTS[output].create(config.outputs[output])
    work = _work(config, output, wanted, _settler(config, output, sender, stats))
    try:
        is_done = work.run()
    finally:
        sender.close()
        if stats.delivered or stats.rejected:
            _record(config, output, stats)
    error = "" if is_done else stats.last_error
    return ReplayResult(output, stats.delivered, stats.rejected, work.kept, error)


def _work(config: Config, output: str, wanted: Wanted, settler: Settler) -> Replay:
    shape = pipeline_config(output, config)
    return Replay(shape.dead_letters_path, wanted, settler.settle, shape.max_lines)


def _settler(config: Config, output: str, sender: Output, stats: Stats) -> Settler:
    shape = pipeline_config(output, config)
    return Settler(
        sender,
        DeadLetters(shape.dead_letters_path, output=output, max_bytes=shape.dead_letters_max_bytes),
        stats,
        name=output,
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
    """Waits for an output that is away, but not for ever, and not for the person before it."""

    def __init__(self, stats: Stats) -> None:
        self._stats, self._left_s = stats, _PATIENCE_S

    def sleep(self, delay_s: float) -> bool:
        """Wait; False when it would be in vain, or too long."""
        self._left_s -= delay_s
        if self._left_s < 0 or self._stats.state in {State.REFUSED, State.FULL}:
            return False
        time.sleep(delay_s)
        return True
