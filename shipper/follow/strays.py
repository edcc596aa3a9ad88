"""Which file is which: a growing fingerprint of what is settled of it.

Names change at rotation and inodes are reused, so a file is known by its first bytes, as many as
are settled, at most 1024, and by the last ones before the settled offset. Inode and path only tell
apart files that are alike so far.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator

from shipper.follow.discover import Found
from shipper.follow.groups import Groups
from shipper.follow.handle import Handle
from shipper.follow.mark import head_of
from shipper.follow.registry import Position
from shipper.record.format import Segment

_SEPARATOR = re.compile(r"[-._]")
_DIGIT = re.compile(r"\d")
_ARCHIVE = ".gz"
#: Of rotations; longer ones are dates.
_COUNT = re.compile(r"(?<=\.)[1-9]\d{0,2}$")

#: The inode, the head of a full mark or the path of another, and a segment.
_Key = int | bytes | str | Segment


class Strays:
    """Positions whose files have not been seen yet."""

    __slots__ = ("_by_id", "_by_key")

    def __init__(self, positions: Iterable[Position]) -> None:
        self._by_id: dict[int, Position] = {}
        self._by_key: Groups[_Key, Position] = Groups()
        for position in positions:
            self.add(position)

    def add(self, position: Position) -> None:
        """Remember a position until its file turns up."""
        self.drop(position.id)
        self._by_id[position.id] = position
        for key in _keys(position):
            self._by_key.add(key, position)

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
        return any(self._at_inode(found))

    def fits_inode(self, found: Found, file: Handle) -> bool:
        """Whether one of these is of the open file; inodes are given out again."""
        return any(_fits(position, file) for position in self._at_inode(found))

    def at_place_of(self, found: Found) -> list[int]:
        """The stray positions of what was at the same place, inode and all."""
        return [one.id for one in self._at_inode(found) if one.path == found.path]

    def drop(self, ident: int) -> Position | None:
        """Remember that position no longer; None if it was not stray."""
        if position := self._by_id.pop(ident, None):
            for key in _keys(position):
                self._by_key.discard(key, position)
        return position

    def drop_older(self, than_s: Callable[[Position], float]) -> list[int]:
        """Drop the positions that were last committed before that time; their ids."""
        old = [one.id for one in self._by_id.values() if one.updated_s < than_s(one)]
        for ident in old:
            self.drop(ident)
        return old

    def _at_inode(self, found: Found) -> Iterator[Position]:
        return (one for one in self._by_key.of(found.inode) if one.device == found.device)

    def _candidates(
        self, found: Found, file: Handle, segment: Segment | None
    ) -> Iterator[Iterable[Position]]:
        if not self._by_id:
            return
        if segment:
            yield self._by_key.of(segment)
        yield self._at_inode(found)
        yield self._by_key.of(head_of(file))
        # A few bytes alone may be what many files begin with: there the name must fit too.
        for path in (found.path, *originals(found.path)):
            yield self._by_key.of(path)


def _keys(position: Position) -> Iterator[_Key]:
    yield position.inode
    yield position.head if position.is_full else position.path
    if position.stream:
        yield Segment(position.stream, position.segment)


def _fits(position: Position, file: Handle) -> bool:
    return position.offset <= file.size and position.is_of(file)


def originals(path: str) -> Iterator[str]:
    """Where rotation may have found what is at `path` now.

    It was `a.log` of `a.log.1` and `a-2026.log`, and `a.log.1` of `a.log.1.gz`, and `a.log.2.gz`:
    archives are made and renamed at once.
    """
    if path.endswith(_ARCHIVE):
        path = path.removesuffix(_ARCHIVE)
        yield path
        yield _COUNT.sub(lambda found: str(int(found[0]) - 1), path)
    folder, slash, name = path.rpartition("/")
    extension = os.path.splitext(name)[1]  # noqa: PTH122  # thousands a second
    for separator in _SEPARATOR.finditer(name):
        before, after = name[: separator.start()], name[separator.start() :]
        if _DIGIT.search(after):
            yield folder + slash + before
        if _DIGIT.search(after.removesuffix(extension)):
            yield folder + slash + before + extension
