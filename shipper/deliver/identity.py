"""Which file is which: a growing fingerprint of what is settled of it.

Names change at rotation and inodes are reused, so a file is known by its first bytes, as many as
are settled, at most 1024, and by the last ones before the settled offset. Inode and path only tell
apart files that are alike so far.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from shipper.deliver.discover import Found
from shipper.deliver.handle import Handle
from shipper.deliver.registry import Position
from shipper.deliver.segments import Segment

HEAD_BYTES = 1024

_SEPARATOR = re.compile(r"[-._]")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Mark:
    """An offset in a file, and fingerprints of what lies before it."""

    offset: int = 0
    #: Of the first bytes, at most HEAD_BYTES of them.
    head_length: int = 0
    head_sha256: str = ""
    #: Of the HEAD_BYTES before the offset, where the head does not reach it.
    tail_sha256: str = ""

    @classmethod
    def of(cls, position: Position) -> "Mark":
        """The mark that a position keeps."""
        head = (position.head_length, position.head_sha256)
        return cls(position.offset, *head, position.tail_sha256)

    @property
    def is_full(self) -> bool:
        """Whether it tells more than what many files may begin with."""
        return self.head_length == HEAD_BYTES

    def is_of(self, file: Handle) -> bool:
        """Whether the open file holds all that, so far as the fingerprints tell."""
        if self.head_length and _digest(file.read(self.head_length, 0)) != self.head_sha256:
            return False
        return not self.tail_sha256 or _tail(file, self.offset) == self.tail_sha256

    def moved(self, file: Handle, offset: int) -> "Mark":
        """The mark at `offset`, further on in the same file."""
        length, digest = self.head_length, self.head_sha256
        if length < min(HEAD_BYTES, offset):
            head = file.read(min(HEAD_BYTES, offset), 0)
            length, digest = len(head), _digest(head)
        return Mark(offset, length, digest, _tail(file, offset) if offset > HEAD_BYTES else "")


class Strays:
    """Positions whose files have not been seen yet."""

    __slots__ = ("_by_head", "_by_id", "_by_inode", "_by_path", "_by_segment")

    def __init__(self, positions: Iterable[Position]) -> None:
        self._by_id: dict[int, Position] = {}
        self._by_inode: dict[tuple[int, int], dict[int, Position]] = {}
        self._by_head: dict[str, dict[int, Position]] = {}
        self._by_path: dict[str, dict[int, Position]] = {}
        self._by_segment: dict[Segment, dict[int, Position]] = {}
        for position in positions:
            self.add(position)

    def add(self, position: Position) -> None:
        """Remember a position until its file turns up."""
        for group in self._groups(position):
            group[position.id] = position

    def claim(self, found: Found, file: Handle, segment: Segment | None) -> Position | None:
        """The position of the open file `found`; no longer stray then."""
        for group in self._candidates(found, file, segment):
            # The further it fits, the surer it is of this very file.
            fitting = (position for position in group if _fits(position, file))
            best = min(fitting, key=lambda p: (p.path != found.path, -p.offset), default=None)
            if best is not None:
                self.drop(best.id)
                return best
        return None

    def knows_inode(self, found: Found) -> bool:
        """Whether a stray position names this inode."""
        return bool(self._by_inode.get((found.device, found.inode)))

    def fits_inode(self, found: Found, file: Handle) -> bool:
        """Whether one of these is of the open file; inodes are given out again."""
        here = self._by_inode.get((found.device, found.inode), {}).values()
        return any(_fits(position, file) for position in here)

    def at_place_of(self, found: Found) -> list[int]:
        """The stray positions of what was at the same place, inode and all."""
        here = self._by_inode.get((found.device, found.inode), {}).values()
        return [position.id for position in here if position.path == found.path]

    def drop(self, ident: int) -> Position | None:
        """Remember that position no longer; None if it was not stray."""
        position = self._by_id.get(ident)
        for group in self._groups(position) if position else ():
            del group[ident]
        return position

    def drop_older(self, than_s: Callable[[Position], float]) -> list[int]:
        """Drop the positions that were last committed before that time; their ids."""
        old = [one.id for one in self._by_id.values() if one.updated_s < than_s(one)]
        for ident in old:
            self.drop(ident)
        return old

    def _candidates(
        self, found: Found, file: Handle, segment: Segment | None
    ) -> Iterator[Iterable[Position]]:
        if segment:
            yield self._by_segment.get(segment, {}).values()
        yield self._by_inode.get((found.device, found.inode), {}).values()
        yield self._by_head.get(_digest(file.read(HEAD_BYTES, 0)), {}).values()
        # A few bytes alone may be what many files begin with: there the name must fit too.
        for path in (found.path, *originals(found.path)):
            yield self._by_path.get(path, {}).values()

    def _groups(self, position: Position) -> Iterator[dict[int, Position]]:
        yield self._by_id
        yield self._by_inode.setdefault((position.device, position.inode), {})
        if position.head_length == HEAD_BYTES:
            yield self._by_head.setdefault(position.head_sha256, {})
        else:
            yield self._by_path.setdefault(position.path, {})
        if position.stream:
            yield self._by_segment.setdefault(Segment(position.stream, position.segment), {})


def _fits(position: Position, file: Handle) -> bool:
    return position.offset <= file.size and Mark.of(position).is_of(file)


def originals(path: str) -> Iterator[str]:
    """Where rotation may have found what is at `path` now: `a.log` of `a.log.1`, `a-2026.log`."""
    folder, slash, name = path.rpartition("/")
    extension = os.path.splitext(name)[1]  # noqa: PTH122  # thousands a second
    for separator in _SEPARATOR.finditer(name):
        before, after = name[: separator.start()], name[separator.start() :]
        if _DIGIT.search(after):
            yield folder + slash + before
        if _DIGIT.search(after.removesuffix(extension)):
            yield folder + slash + before + extension


def _tail(file: Handle, offset: int) -> str:
    return _digest(file.read(HEAD_BYTES, offset - HEAD_BYTES))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
