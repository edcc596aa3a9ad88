"""Send dead letters again: the delivered ones disappear, the others stay, even after a crash.

The file is moved away under its lock, so that a running shipper starts a new one, and is then sent
in batches. The file's name holds the position, `<output>.replay-<offset>.ndjson`, so one rename
advances it. Dead letters that are kept, or left after an interruption, are appended to the file
of the running shipper. A crash repeats the batch it interrupts: a line can arrive twice, but every
line is either delivered or still a dead letter.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from shipper.deliver.dead_letters import DeadLetter, locked
from shipper.durable import append, open_append, sync_directory, trim
from shipper.errors import ShipperError
from shipper.follow.batch import BadLine
from shipper.forms.check import Reject, fault
from shipper.lines import Lines

#: How much is read at once; a single dead letter may be longer.
_BLOCK_BYTES = 1 << 20

_letters = msgspec.json.Decoder(DeadLetter)


class ReplayBatch(Struct, frozen=True):
    """Dead letters to send again, as a batch that can be settled."""

    letters: Sequence[BadLine] = ()
    #: Those whose line is still not one JSON object.
    bad: Sequence[BadLine] = ()

    def lines(self) -> Lines:
        """Their lines, in order."""
        return Lines.of(letter.reject.line for letter in self.letters)

    def rejects(self) -> Iterator[BadLine]:
        """The dead letters that are rejected again without being sent."""
        return iter(self.bad)

    def reject(self, index: int, reason: str) -> BadLine:
        """The dead letter at `index`, refused again."""
        letter = self.letters[index]
        return replace(letter, reject=replace(letter.reject, reason=reason))


class KeptDeadLetters(Struct):
    """How many dead letters were not sent again, by reason."""

    #: Not selected.
    unwanted: int = 0
    #: Only the beginning of the line was saved.
    excerpts: int = 0
    #: Not valid: somebody edited the file.
    unreadable: int = 0


class Replay(Struct):
    """Sends the dead letters of `path` again."""

    path: Path
    #: Whether a dead letter is selected.
    wanted: Callable[[DeadLetter], bool]
    #: Whether every line is settled now: delivered, or a dead letter with its new reason.
    settle: Callable[[ReplayBatch], bool]
    max_lines: int
    kept: KeptDeadLetters = field(default_factory=KeptDeadLetters)

    def run(self) -> bool:
        """Whether it came to the end; raises `ShipperError` if another replay is running."""
        with _alone(self.path):
            for left in _interrupted(self.path):
                self._put_back(left)
            claimed = _claimed(self.path)
            if claimed is None:
                return True
            try:
                return self._work_off(claimed)
            finally:
                self._put_back(claimed)  # empty, if all went well

    def _work_off(self, claimed: "_Claimed") -> bool:
        for lines, end in claimed.batches(self.max_lines):
            again, stay = self._part(lines)
            if not self.settle(again):
                return False
            self._keep(stay)
            claimed.advance(end)
        return True

    def _part(self, lines: Sequence[bytes]) -> tuple[ReplayBatch, list[bytes]]:
        """Separate the dead letters to send from the lines to keep, which are counted by reason."""
        good: list[BadLine] = []
        bad: list[BadLine] = []
        stay: list[bytes] = []
        for line in lines:
            letter = decoded(line)
            if letter is None:
                self.kept.unreadable += 1
            elif not self.wanted(letter):
                self.kept.unwanted += 1
            elif not letter.is_whole:
                self.kept.excerpts += 1
            else:
                reason, dead = _checked(letter)
                (bad if reason else good).append(dead)
                continue
            stay.append(line)
        return ReplayBatch(good, bad), stay

    def _keep(self, lines: Sequence[bytes]) -> None:
        """Append them to the dead letters, regardless of the limit: they were there before."""
        if lines:
            with locked(self.path) as file:
                trim(file)
                append(file, b"".join(lines))

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
        trim(file)
        path.rename(claimed.place)
        sync_directory(path.parent)
    return claimed


def _interrupted(path: Path) -> list[_Claimed]:
    """The files that replays left when they died."""
    names = (one.stem for one in path.parent.glob(f"{path.stem}.replay-*{path.suffix}"))
    return [_Claimed(path, int(name.rpartition("-")[2])) for name in names]


def read_dead_letters(path: Path) -> Iterator[bytes]:
    """The current dead letters of `path`, including those that a replay is sending."""
    for claimed in _interrupted(path):
        with suppress(FileNotFoundError):  # the replay has advanced meanwhile
            yield from claimed.lines()
    with suppress(FileNotFoundError), path.open("rb") as file:
        yield from file


def decoded(line: bytes) -> DeadLetter | None:
    """The dead letter on a line; None if somebody edited it until it was not valid."""
    try:
        letter = _letters.decode(line)
        letter.content()
    except (ValueError, msgspec.DecodeError):
        return None
    return letter


def obstacle(letter: DeadLetter) -> str:
    """Why a replay would keep the dead letter; empty if it would send it."""
    if not letter.is_whole:
        return "incomplete"
    return "not JSON objects, fix them first" if _checked(letter)[0] else ""


def _checked(letter: DeadLetter) -> tuple[str | None, BadLine]:
    """The dead letter, and the reason not to send its line, which somebody may have fixed."""
    line = letter.content().strip()
    reason = "more than one line" if b"\n" in line else fault(line)
    reject = Reject(line, letter.offset, reason or letter.reason)
    return reason, BadLine(letter.path, reject)
