"""Send dead letters again: delivered ones leave the file, the others stay, even after a crash.

The file is moved away under its lock, so that a running shipper starts a new one, and is then sent
in batches. The file's name holds the position, `<output>.replay-<offset>.ndjson`, so one rename
advances it. Dead letters that are kept, or left after an interruption, are appended to the file
of the running shipper. A crash repeats the batch it interrupts: a line can arrive twice, but every
line is either delivered or still a dead letter.
"""

import fcntl
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from shipper.deliver.dead_letters import DeadLetter, decoded, end_last_line, locked
from shipper.durable import append, open_append, sync_directory, unended
from shipper.errors import ShipperError
from shipper.follow.batch import BadLine
from shipper.forms.check import Reject, fault
from shipper.lines import Lines, Origin

#: How much is read at once; a single dead letter may be longer.
_BLOCK_BYTES = 1 << 20


class ReplayBatch(Struct, frozen=True):
    """Dead letters to send again, as a batch that can be settled."""

    #: The lines to send.
    good: Sequence[BadLine] = ()
    #: The lines that are still not one JSON object.
    bad: Sequence[BadLine] = ()

    def lines(self) -> Lines:
        """The lines to send, in order."""
        lines = Lines.of(one.reject.line for one in self.good)
        origins = [Origin(1, one.key, offsets=[one.reject.offset]) for one in self.good]
        return replace(lines, origins=origins)

    def rejects(self) -> Iterator[BadLine]:
        """The lines that are rejected again without being sent."""
        return iter(self.bad)

    def counts(self) -> Sequence[tuple[int, int]]:
        """None: they are sent in their order."""
        return ()

    def without(self, sources: Collection[int]) -> "ReplayBatch":  # noqa: ARG002  # has none
        """Itself."""
        return self

    def reject(self, index: int, reason: str) -> BadLine:
        """The line at `index`, rejected again."""
        line = self.good[index]
        return replace(line, reject=replace(line.reject, reason=reason))


class KeptDeadLetters(Struct):
    """How many dead letters were not sent again, by reason."""

    #: Not selected.
    unwanted: int = 0
    #: Only the beginning of the line was saved.
    excerpts: int = 0
    #: Not valid after an edit of the file.
    unreadable: int = 0


class Replay(Struct):
    """Sends the dead letters of `path` again."""

    path: Path
    #: Whether a dead letter is selected.
    wanted: Callable[[DeadLetter], bool]
    #: Returns the outcomes once every line is delivered, or a dead letter with its new reason.
    settle: Callable[[ReplayBatch], object | None]
    max_lines: int
    kept: KeptDeadLetters = field(default_factory=KeptDeadLetters)

    def run(self) -> bool:
        """Send them; False if stopped early. Raises `ShipperError` if another replay is running."""
        with _alone(self.path):
            for left in _interrupted(self.path):
                self._put_back(left)
            claimed = _claimed(self.path)
            if claimed is None:
                return True
            try:
                return self._send(claimed)
            finally:
                self._put_back(claimed)  # nothing is left in it after a complete run

    def _send(self, claimed: "_Claimed") -> bool:
        for lines, end in claimed.batches(self.max_lines):
            batch, kept = self._sorted(lines)
            if self.settle(batch) is None:
                return False
            self._keep(kept)
            claimed.advance(end)
        return True

    def _sorted(self, lines: Sequence[bytes]) -> tuple[ReplayBatch, list[bytes]]:
        """Separate the dead letters to send from the lines to keep, which are counted by reason."""
        good: list[BadLine] = []
        bad: list[BadLine] = []
        kept: list[bytes] = []
        for line in lines:
            dead_letter = decoded(line)
            if dead_letter is None:
                self.kept.unreadable += 1
            elif not self.wanted(dead_letter):
                self.kept.unwanted += 1
            elif not dead_letter.is_complete:
                self.kept.excerpts += 1
            else:
                reason, bad_line = _checked(dead_letter)
                (bad if reason else good).append(bad_line)
                continue
            kept.append(line)
        return ReplayBatch(good, bad), kept

    def _keep(self, lines: Sequence[bytes]) -> None:
        """Append the lines to the dead letters, regardless of the limit: they were there before."""
        if lines:
            with locked(self.path) as file:
                end_last_line(file)
                append(file, b"".join(line.rstrip(b"\n") + b"\n" for line in lines))

    def _put_back(self, claimed: "_Claimed") -> None:
        for lines, end in claimed.batches(_BLOCK_BYTES):
            self._keep(lines)
            claimed.advance(end)
        claimed.remove()


class _Claimed:
    """Dead letters moved away from `path`; those before `offset` are done."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path, self._offset = path, offset

    @property
    def place(self) -> Path:
        """The file they are in."""
        name = f"{self._path.stem}.replay-{self._offset}{self._path.suffix}"
        return self._path.with_name(name)

    def lines(self) -> Iterator[bytes]:
        """The lines that are left."""
        with self.place.open("rb") as file:
            file.seek(self._offset)
            yield from file

    def batches(self, max_lines: int) -> Iterator[tuple[list[bytes], int]]:
        """The lines that are left, in batches, and where each ends; `advance` before the next."""
        with self.place.open("rb") as file:
            file.seek(self._offset)
            while lines := file.readlines(_BLOCK_BYTES):
                for start in range(0, len(lines), max_lines):
                    part = lines[start : start + max_lines]
                    yield part, self._offset + sum(map(len, part))

    def advance(self, offset: int) -> None:
        """Record on the disk that everything before `offset` is settled."""
        before, self._offset = self.place, offset
        before.rename(self.place)
        sync_directory(self._path.parent)

    def remove(self) -> None:
        """Delete the file, because everything is settled."""
        self.place.unlink()
        sync_directory(self._path.parent)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = open_append(path.with_name(path.name + ".replay.lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ShipperError(f"another replay of {path} is running; wait until it ends") from error
    finally:
        os.close(lock)


def _claimed(path: Path) -> _Claimed | None:
    """Move the dead letters of `path` away; None if there are none."""
    if not path.exists():
        return None
    claimed = _Claimed(path, 0)
    with locked(path) as file:
        if unended(file):  # an editor may have left the newline out: nothing is cut off
            append(file, b"\n")
        path.rename(claimed.place)
        sync_directory(path.parent)
    return claimed


def _interrupted(path: Path) -> list[_Claimed]:
    """The files left by replays that were interrupted."""
    names = (one.stem for one in path.parent.glob(f"{path.stem}.replay-*{path.suffix}"))
    return [_Claimed(path, int(name.rpartition("-")[2])) for name in names]


def read_dead_letters(path: Path) -> Iterator[bytes]:
    """The current dead letters of `path`, including those that a replay is sending."""
    for claimed in _interrupted(path):
        with suppress(FileNotFoundError):  # the replay has renamed it meanwhile
            yield from claimed.lines()
    with suppress(FileNotFoundError), path.open("rb") as file:
        yield from file


def obstacle(dead_letter: DeadLetter) -> str:
    """Why a replay would keep the dead letter; empty if it would send it."""
    if not dead_letter.is_complete:
        return "incomplete"
    return "not JSON objects, fix them first" if _checked(dead_letter)[0] else ""


def _checked(dead_letter: DeadLetter) -> tuple[str | None, BadLine]:
    """The line, which may have been fixed by an edit, after the reason not to send it."""
    line = dead_letter.content().strip()
    reason = "more than one line" if b"\n" in line else fault(line)
    reject = Reject(line, dead_letter.offset, reason or dead_letter.reason)
    return reason, BadLine(dead_letter.path, reject, dead_letter.key)
