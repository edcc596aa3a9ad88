"""What is read of a file at once: lines with their places, cut and joined."""

from bisect import bisect_left, bisect_right

from msgspec import Struct
from msgspec.structs import replace

from shipper.forms.check import Sifted
from shipper.lines import NO_LINES, Lines


class Limits(Struct, frozen=True):
    """What one chunk may hold; a line longer than `max_bytes` alone still comes whole."""

    max_lines: int
    max_bytes: int
    max_line_bytes: int


class Chunk(Struct, frozen=True):
    """Consecutive whole lines of one file."""

    start: int
    #: Where the position goes when every line and reject is settled.
    end: int
    #: The lines and what was found beside them; without offsets they lie as in their block.
    sifted: Sifted = Sifted(NO_LINES)

    @property
    def lines(self) -> Lines:
        """The lines to send."""
        return self.sifted.lines

    @property
    def size_bytes(self) -> int:
        """The bytes of the file that it covers."""
        return self.end - self.start

    def offset(self, index: int) -> int:
        """Where the line of that index starts in the file."""
        if self.sifted.offsets is not None:
            return self.sifted.offsets[index]
        return self.start + self.lines.start(index)


def cut(chunk: Chunk, max_lines: int) -> Chunk:
    """The chunk up to the first line over the limit, or to the last cut before that line.

    Where there is none, up to the first cut after it: a few lines more than asked for.
    """
    sifted = chunk.sifted
    end, kept = chunk.offset(max_lines), max_lines
    if sifted.cuts is not None:
        place = max(0, bisect_right(sifted.cuts, end) - 1)
        end = sifted.cuts[place]
        kept = bisect_left(sifted.offsets or (), end)
    kept_lines = replace(
        sifted,
        lines=sifted.lines.part(0, kept),
        offsets=None if sifted.offsets is None else sifted.offsets[:kept],
        rejects=[reject for reject in sifted.rejects if reject.offset < end],
        filtered=[offset for offset in sifted.filtered if offset < end],
        truncated=[record for record in sifted.truncated if record.offset < end],
    )
    return Chunk(chunk.start, end, kept_lines)


def joined(chunk: Chunk, last: Chunk, last_bytes: int) -> Chunk:
    """The chunk followed by a last line, which is `last_bytes` long in the file."""
    first, second = chunk.sifted, last.sifted
    both = Sifted(
        Lines.joined([first.lines, second.lines]),
        [one.offset(index) for one in (chunk, last) for index in range(len(one.lines))],
        rejects=[*first.rejects, *second.rejects],
        filtered=[*first.filtered, *second.filtered],
        truncated=[*first.truncated, *second.truncated],
    )
    return Chunk(chunk.start, chunk.end + last_bytes, both)
