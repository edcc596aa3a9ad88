"""Which file is which: a growing fingerprint of its beginning.

Names change at rotation and inodes are reused, so a file is known by its first bytes: as many as
are settled, at most 1024. Inode and path only tell apart files that begin alike.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from shipper.deliver.discover import Found
from shipper.deliver.registry import Position

HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Head:
    """The fingerprint of a file's first `length` bytes."""

    length: int = 0
    sha256: str = ""

    def is_of(self, file: int) -> bool:
        """Whether the open file begins so."""
        return not self.length or _digest(os.pread(file, self.length, 0)) == self.sha256

    def grown(self, file: int, length: int) -> "Head":
        """This fingerprint, taken over `length` bytes if that is more."""
        if length <= self.length:
            return self
        head = os.pread(file, length, 0)
        return Head(len(head), _digest(head))


class Strays:
    """Positions whose files have not been seen yet."""

    __slots__ = ("_by_head", "_by_inode")

    def __init__(self, positions: Iterable[Position]) -> None:
        self._by_inode: dict[tuple[int, int], dict[int, Position]] = {}
        self._by_head: dict[int, dict[str, dict[int, Position]]] = {}
        for position in positions:
            self.add(position)

    def add(self, position: Position) -> None:
        """Remember a position until its file turns up."""
        for group in self._groups(position):
            group[position.id] = position

    def claim(self, found: Found, head: bytes) -> Position | None:
        """The position of the file `found`, which begins with `head`; no longer stray then."""
        candidates = list(self._of_inode(found, head)) or list(self._of_head(found, head))
        if not candidates:
            return None
        # Of several that fit, sending again from the smallest offset loses nothing.
        best = min(candidates, key=lambda p: (p.path != found.path, -p.head_length, p.offset))
        self._remove(best)
        return best

    def knows_inode(self, found: Found) -> bool:
        """Whether a stray position names this inode."""
        return bool(self._by_inode.get((found.device, found.inode)))

    def drop_older(self, than_s: int) -> list[int]:
        """Drop the positions that were last committed before `than_s`; their ids."""
        old = [p for g in self._by_inode.values() for p in g.values() if p.updated_s < than_s]
        for position in old:
            self._remove(position)
        return [position.id for position in old]

    def _remove(self, position: Position) -> None:
        for group in self._groups(position):
            del group[position.id]

    def _groups(self, position: Position) -> Iterator[dict[int, Position]]:
        yield self._by_inode.setdefault((position.device, position.inode), {})
        heads = self._by_head.setdefault(position.head_length, {})
        yield heads.setdefault(position.head_sha256, {})

    def _of_inode(self, found: Found, head: bytes) -> Iterator[Position]:
        for position in self._by_inode.get((found.device, found.inode), {}).values():
            length = position.head_length
            if length <= len(head) and _digest(head[:length]) == position.head_sha256:
                yield position

    def _of_head(self, found: Found, head: bytes) -> Iterator[Position]:
        for length, heads in self._by_head.items():
            if length <= len(head):
                for position in heads.get(_digest(head[:length]), {}).values():
                    # A few bytes alone may be what many files begin with.
                    if length == HEAD_BYTES or position.path == found.path:
                        yield position


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
