"""Dead letters, sent again: those delivered are gone, the others stay, whatever dies in between.

The letters are moved away under their lock, so that a running shipper begins a new file, and are
then worked off in batches. How far that is stands in the file's own name, so that one rename moves
it: `<output>.replay-<offset>.ndjson`. What stays, and after an interruption what is left, goes back
to the dead letters. A crash repeats the batch it interrupts: a line can arrive twice, none is lost.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from shipper.deliver.dead_letters import Letter, locked
from shipper.durable import append, open_append, sync_directory, trim
from shipper.errors import ShipperError
from shipper.follow.batch import DeadLetter
from shipper.forms.check import Reject, fault
from shipper.lines import Lines

#: Letters read at once; one letter may be longer.
_BLOCK_BYTES = 1 << 20

_letters = msgspec.json.Decoder(Letter)


class Again(Struct, frozen=True):
    """Letters to send again, as a batch that can be settled."""

    letters: Sequence[DeadLetter] = ()
    #: Those whose line is still none.
    bad: Sequence[DeadLetter] = ()

    def lines(self) -> Lines:
        """Their lines, in order."""
        return Lines.of(letter.reject.line for letter in self.letters)

    def rejects(self) -> Iterator[DeadLetter]:
        """What need not be sent to be refused."""
        return iter(self.bad)

    def reject(self, index: int, reason: str) -> DeadLetter:
        """The letter of that index, refused once more."""
        letter = self.letters[index]
        return replace(letter, reject=replace(letter.reject, reason=reason))


class Kept(Struct):
    """Letters that were not sent again, and why."""

    #: Not asked for.
    unwanted: int = 0
    #: Only their beginning is there.
    excerpts: int = 0
    #: No letters: a person has edited them so.
    unreadable: int = 0


class Replay(Struct):
    """Sends the letters of `path` again."""

    path: Path
    #: Whether a letter is asked for.
    wanted: Callable[[Letter], bool]
    #: Whether every letter is settled now: delivered, or a dead letter with its new reason.
    settle: Callable[[Again], bool]
    max_lines: int
    kept: Kept = field(default_factory=Kept)

    def run(self) -> bool:
        """Whether it came to the end; `ShipperError` where another replay is at work."""
        with _alone(self.path):
            for left in _interrupted(self.path):
                self._put_back(left)
            claimed = _claimed(self.path)
            if claimed is None:
                return True
            try:
                return self._work_off(claimed)
            finally:
                self._put_back(claimed)  # nothing, if all went well

    def _work_off(self, claimed: "_Claimed") -> bool:
        for lines, end in claimed.batches(self.max_lines):
            again, stay = self._part(lines)
            if not self.settle(again):
                return False
            self._keep(stay)
            claimed.advance(end)
        return True

    def _part(self, lines: Sequence[bytes]) -> tuple[Again, list[bytes]]:
        """The letters to be sent, and those that stay as they are, counted by why."""
        good: list[DeadLetter] = []
        bad: list[DeadLetter] = []
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
        return Again(good, bad), stay

    def _keep(self, lines: Sequence[bytes]) -> None:
        """Back among the dead letters, however many they are: there they were."""
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
    """Letters moved away from `path` to be worked off from `offset`."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path, self._offset = path, offset

    @property
    def place(self) -> Path:
        """Where they are."""
        name = f"{self._path.stem}.replay-{self._offset}{self._path.suffix}"
        return self._path.with_name(name)

    def lines(self) -> Iterator[bytes]:
        """What is left."""
        with self.place.open("rb") as file:
            file.seek(self._offset)
            yield from file

    def batches(self, max_lines: int) -> Iterator[tuple[list[bytes], int]]:
        """What is left, in batches, and where each ends; `advance` before the next one."""
        with self.place.open("rb") as file:
            file.seek(self._offset)
            while lines := file.readlines(_BLOCK_BYTES):
                for start in range(0, len(lines), max_lines):
                    part = lines[start : start + max_lines]
                    yield part, self._offset + sum(map(len, part))

    def advance(self, offset: int) -> None:
        """Everything before `offset` is settled."""
        before, self._offset = self.place, offset
        before.rename(self.place)
        sync_directory(self._path.parent)

    def remove(self) -> None:
        """All is settled."""
        self.place.unlink()
        sync_directory(self._path.parent)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = open_append(path.with_name(path.name + ".replay.lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ShipperError(f"{path} is being replayed already; wait until that is done") from error
    finally:
        os.close(lock)


def _claimed(path: Path) -> _Claimed | None:
    """Move the letters of `path` away; None if there are none."""
    if not path.exists():
        return None
    claimed = _Claimed(path, 0)
    with locked(path) as file:
        trim(file)
        path.rename(claimed.place)
        sync_directory(path.parent)
    return claimed


def _interrupted(path: Path) -> list[_Claimed]:
    """What a replay that died has left."""
    names = (one.stem for one in path.parent.glob(f"{path.stem}.replay-*{path.suffix}"))
    return [_Claimed(path, int(name.rpartition("-")[2])) for name in names]


def read_letters(path: Path) -> Iterator[bytes]:
    """The dead letters of `path` as they are now, those that a replay is at included."""
    for claimed in _interrupted(path):
        with suppress(FileNotFoundError):  # it has moved on meanwhile
            yield from claimed.lines()
    with suppress(FileNotFoundError), path.open("rb") as file:
        yield from file


def decoded(line: bytes) -> Letter | None:
    """The letter on a line; None where a person has left something else."""
    try:
        letter = _letters.decode(line)
        letter.content()
    except (ValueError, msgspec.DecodeError):
        return None
    return letter


def obstacle(letter: Letter) -> str:
    """Why a replay would keep it; empty where it would send it."""
    if not letter.is_whole:
        return "not whole"
    return "no object, mend them" if _checked(letter)[0] else ""


def _checked(letter: Letter) -> tuple[str | None, DeadLetter]:
    """What speaks against sending its line, and the letter: a person may have mended it, or not."""
    line = letter.content().strip()
    reason = "it has several lines" if b"\n" in line else fault(line)
    reject = Reject(line, letter.offset, reason or letter.reason)
    return reason, DeadLetter(letter.path, reject)
