"""Lines in one block of bytes, exactly as in a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from operator import add
from typing import Final, Self

from msgspec import Struct


class Lines(Struct, frozen=True):
    """Lines in one block, each one strict JSON object followed by a newline."""

    block: bytes
    #: Where the newline of each line is.
    ends: Sequence[int]
    #: Whether each line is known to start with `{"`; otherwise it has to be checked.
    is_usual: bool = False

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Self:
        """Join separate lines."""
        pieces = tuple(lines)
        after = accumulate(map(add, map(len, pieces), repeat(1)))
        return cls(b"\n".join((*pieces, b"")), [position - 1 for position in after])

    @classmethod
    def joined(cls, parts: Sequence["Lines"]) -> Self:
        """The lines of all parts, in order."""
        ends: list[int] = []
        base = 0
        for part in parts:
            ends.extend(map(add, part.ends, repeat(base)))
            base += len(part.block)
        is_usual = all(part.is_usual for part in parts)
        return cls(b"".join(part.block for part in parts), ends, is_usual)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> bytes:
        return self.block[self.start(index) : self.ends[index]]

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self.views())

    def start(self, index: int) -> int:
        """Where the line of that index starts in the block."""
        return self.ends[index - 1] + 1 if index else 0

    def starts(self) -> list[int]:
        """Where each line starts in the block."""
        starts = [0, *map(add, self.ends, repeat(1))]
        starts.pop()
        return starts

    def bytes_at(self, index: int) -> set[int]:
        """The different bytes at `index` of the lines, newlines included."""
        block, first = self.block, index + 1
        before = (-1, *self.ends[:-1]) if self.ends else ()
        return {block[end + first] for end in before}

    def views(self, *, skip: int = 0, past: int = 0) -> list[memoryview]:
        """Each line, without a copy: from `skip` bytes after its start to `past` after its end."""
        # Views are small objects. Bytes objects of a line's size would come from malloc, and
        # fragment its heap between the blocks (80 MiB instead of 35). A comprehension takes half
        # the time of `map`, which needs a new slice object for each line.
        view, first, before = memoryview(self.block), skip + 1, -1
        return [view[before + first : (before := end) + past] for end in self.ends]

    def part(self, start: int, stop: int) -> "Lines":
        """The lines `start` to `stop`, without `stop`."""
        base = self.start(start)
        ends = [end - base for end in self.ends[start:stop]]
        block = self.block[base : base + ends[-1] + 1] if ends else b""
        return Lines(block, ends, self.is_usual)


NO_LINES: Final = Lines(b"", ())
