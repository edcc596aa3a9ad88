"""Lines in one block of bytes, exactly as in a file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, repeat
from operator import add
from typing import Final, Self

from msgspec import Struct


class Origin(Struct, frozen=True):
    """Consecutive lines of one file that get their ids in the same way."""

    count: int
    #: Names their file forever; empty if they are sealed events, which have ids of their own.
    key: str = ""
    #: Where the first of them starts in the file; the others follow as in the block.
    start: int = 0
    #: Where each of them starts in the file, if that differs from the block.
    offsets: Sequence[int] | None = None

    def part(self, start: int, stop: int, skipped_bytes: int) -> "Origin":
        """The lines `start` to `stop`; `skipped_bytes` are in the block before `start`."""
        offsets = None if self.offsets is None else self.offsets[start:stop]
        return Origin(stop - start, self.key, self.start + skipped_bytes, offsets)


class Lines(Struct, frozen=True):
    """Lines in one block, each one strict JSON object followed by a newline."""

    block: bytes
    #: Where the newline of each line is.
    ends: Sequence[int]
    #: Whether each line is known to start with `{"`; otherwise it has to be checked.
    is_usual: bool = False
    #: What gives the lines their ids; empty if each has its own, which is `event.id`.
    origins: Sequence[Origin] = ()

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
        origins: list[Origin] = []
        base = 0
        for part in parts:
            ends.extend(map(add, part.ends, repeat(base)))
            base += len(part.block)
            origins += part.origins or (Origin(len(part)),)
        is_usual = all(part.is_usual for part in parts)
        has_keys = any(origin.key for origin in origins)
        block = b"".join(part.block for part in parts)
        return cls(block, ends, is_usual, origins if has_keys else ())

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
        return Lines(block, ends, self.is_usual, tuple(self._origins_of(start, stop)))

    def _origins_of(self, start: int, stop: int) -> Iterator[Origin]:
        first = 0
        for origin in self.origins:
            after = first + origin.count
            begin, end = max(start, first), min(stop, after)
            if begin < end:
                skipped = self.start(begin) - self.start(first)
                yield origin.part(begin - first, end - first, skipped)
            first = after

    def pick(self, indexes: Iterable[int]) -> "Lines":
        """The lines at these indexes."""
        return Lines.joined([self.part(index, index + 1) for index in indexes])

    def ids(self, before: bytes = b"", after: bytes = b"", *, own: bytes = b"") -> list[bytes]:
        """The id of each line between `before` and `after`; `own` for a line with its own id.

        An id is the key and the offset. An empty list if each line has its own.
        """
        ids: list[bytes] = []
        first = 0
        if not any(origin.key for origin in self.origins):
            return ids
        before, after = before.replace(b"%", b"%%"), after.replace(b"%", b"%%")
        for origin in self.origins:
            if origin.key:
                # One template, applied in C: this runs for each line.
                template = b"%b%b-%%d%b" % (before, origin.key.encode(), after)
                ids += map(template.__mod__, self._offsets(origin, first))
            else:
                ids += [own] * origin.count
            first += origin.count
        return ids

    def _offsets(self, origin: Origin, first: int) -> Iterable[int]:
        """Where the lines of `origin`, the first of which is `first`, start in their file."""
        if origin.offsets is not None:
            return origin.offsets
        starts = [
            self.start(first),
            *map(add, self.ends[first : first + origin.count - 1], repeat(1)),
        ]
        return map(add, starts, repeat(origin.start - starts[0]))


NO_LINES: Final = Lines(b"", ())
