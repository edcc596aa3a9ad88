"""What is taken of a file at once: lines with their places, parted and joined."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from shipper.deliver.block import Reject
from shipper.outputs.base import NO_LINES, Lines

if TYPE_CHECKING:
    from shipper.deliver.source import Source


class Limits(Struct, frozen=True):
    """What one chunk may hold; a line longer than `max_bytes` alone still comes whole."""

    max_lines: int
    max_bytes: int
    max_line_bytes: int


class Chunk(Struct, frozen=True):
    """Consecutive whole lines of one file."""

    source: "Source"
    start: int
    #: Where the position goes when every line and reject is settled.
    end: int
    lines: Lines = NO_LINES
    #: Where each line starts in the file; None: as in their block, from `start`.
    offsets: Sequence[int] | None = None
    rejects: Sequence[Reject] = ()
    #: Where the lines start that were left out on purpose.
    filtered: Sequence[int] = ()
    #: Lines that are sent without their ends.
    truncated: Sequence[Reject] = ()
    #: Where it can be parted, in order; None: before each line.
    cuts: Sequence[int] | None = None

    def offset(self, index: int) -> int:
        """Where the line of that index starts in the file."""
        if self.offsets is not None:
            return self.offsets[index]
        return self.start + self.lines.start(index)


def cut(chunk: Chunk, max_lines: int) -> Chunk:
    """The chunk up to the first line over the limit, or where it can be parted before that.

    Where it cannot, up to the first such place behind: a few lines more than asked for.
    """
    end, kept = chunk.offset(max_lines), max_lines
    if chunk.cuts is not None:
        place = max(0, bisect_right(chunk.cuts, end) - 1)
        end = chunk.cuts[place]
        kept = bisect_left(chunk.offsets or (), end)
    offsets = None if chunk.offsets is None else chunk.offsets[:kept]
    return replace(
        chunk,
        end=end,
        lines=chunk.lines.part(0, kept),
        offsets=offsets,
        rejects=[reject for reject in chunk.rejects if reject.offset < end],
        filtered=[offset for offset in chunk.filtered if offset < end],
        truncated=[record for record in chunk.truncated if record.offset < end],
    )


def joined(chunk: Chunk, last: Chunk, last_bytes: int) -> Chunk:
    """The chunk with a last line, which is `last_bytes` long in the file, behind it."""
    return Chunk(
        chunk.source,
        chunk.start,
        chunk.end + last_bytes,
        Lines.joined([chunk.lines, last.lines]),
        [one.offset(index) for one in (chunk, last) for index in range(len(one.lines))],
        [*chunk.rejects, *last.rejects],
        [*chunk.filtered, *last.filtered],
        [*chunk.truncated, *last.truncated],
    )
