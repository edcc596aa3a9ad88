"""Blocks of a file become chunks: complete lines with their offsets, as many as a batch can hold.

A block is as large as the lines that one batch holds, so that few bytes are read and checked in
vain. A line over the limit is skipped piece by piece and is never completely in memory.
"""

from bisect import bisect_left, bisect_right
from functools import partial
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from shipper.follow.handle import Handle
from shipper.follow.rotated import end_before
from shipper.forms.base import BEFORE_BYTES, NUL, Block, Form, OverLong, Skip
from shipper.forms.check import Sifted
from shipper.lines import NO_LINES, Lines, Origin
from shipper.record.seal import HASH_BYTES

#: The first block of a file, and each piece of a line that is skipped.
_BLOCK_BYTES = 1 << 20
#: A page: to read less saves nothing.
_MIN_READ_BYTES = 4096
#: A block does not grow beyond this, even if it holds fewer lines than a batch may.
_MAX_READ_BYTES = 16 << 20
#: Blocks of NULs that are passed over in one turn.
_MAX_NUL_BLOCKS = 64


#: The rest of a line that began in an earlier file has begun before this.
_BEGINNING_BYTES = 64 << 10


class Limits(Struct, frozen=True):
    """The most that one chunk may hold; a single line longer than `max_bytes` still fits."""

    max_lines: int
    max_bytes: int
    max_line_bytes: int

    def for_lines(self, max_line_bytes: int) -> "Limits":
        """These limits, with lines of at most so many bytes."""
        if max_line_bytes >= self.max_line_bytes:
            return self
        return replace(self, max_line_bytes=max_line_bytes)


class Chunk(Struct, frozen=True):
    """Consecutive complete lines of one file."""

    start: int
    #: The new position once every line and reject is settled.
    end: int
    #: The lines and rejects; without offsets the lines are at the same distances as in the block.
    sifted: Sifted = Sifted(NO_LINES)
    #: How many lines of the file it covers, with blank ones and each of an event of several.
    raw_lines: int = 0

    @property
    def lines(self) -> Lines:
        """The lines to send."""
        return self.sifted.lines

    @property
    def size_bytes(self) -> int:
        """The bytes of the file that it covers."""
        return self.end - self.start

    @property
    def has_places_as_ids(self) -> bool:
        """Whether a line gets its id from its place in the file."""
        return len(self.lines) > 0 and not (self.sifted.sealed and all(self.sifted.sealed))

    def identified(self, key: str) -> Lines:
        """The lines, each with an id: its own if it is sealed, else one of `key` and its offset."""
        sifted, lines = self.sifted, self.lines
        if not self.has_places_as_ids:
            return lines
        if not any(sifted.sealed):
            origin = Origin(len(lines), key, self.start, sifted.offsets)
            return replace(lines, origins=(origin,))
        origins = []
        for is_sealed, group in groupby(range(len(lines)), sifted.sealed.__getitem__):
            offsets = [self.offset(index) for index in group]
            origins.append(Origin(len(offsets), "" if is_sealed else key, offsets=offsets))
        return replace(lines, origins=origins)

    def offset(self, index: int) -> int:
        """Where the line at `index` starts in the file."""
        if self.sifted.offsets is not None:
            return self.sifted.offsets[index]
        return self.start + self.lines.start(index)


class Unread(NamedTuple):
    """The part of an open file that is not read yet, from `start` to `size`."""

    file: Handle
    path: str
    form: Form
    start: int
    size: int


class Read(NamedTuple):
    """The result of one read."""

    #: Empty, with its end at its start, if there is no complete line yet.
    chunk: Chunk
    #: Whether the file holds more that can be read now.
    has_more: bool
    #: The bytes at the end of the file that are no complete line; empty while `has_more`.
    rest: bytes = b""


class Reader:
    """Reads one file block by block, and remembers a good block size and a line being skipped."""

    __slots__ = ("_block_bytes", "_hole_end", "_skip")

    def __init__(self) -> None:
        # The size of the last blocks that held `max_lines` lines.
        self._block_bytes = _BLOCK_BYTES
        self._skip: Skip | None = None
        # As far as NULs were passed over, while the position is before them.
        self._hole_end = 0

    @property
    def is_skipping(self) -> bool:
        """Whether it is inside a line over the limit."""
        return self._skip is not None

    def read(self, unread: Unread, limits: Limits) -> Read:
        """Read the next lines, after NULs that begin the file or a line."""
        if self._hole_end > unread.start:
            unread = unread._replace(start=self._hole_end)
        if self._skip is not None:
            return self._skip_block(unread, limits, self._skip)
        want = min(limits.max_bytes, self._block_bytes)
        while (read := self._read_block(unread, limits, want)) is None:
            # No more than it takes to know that a line is over the limit; more if one is held back.
            most = limits.max_line_bytes + 1
            want = most if want < most < want * 2 else want * 2
        return read

    def _read_block(self, unread: Unread, limits: Limits, want: int) -> Read | None:
        """Read about `want` bytes; None if they end within the first line."""
        left = unread.size - unread.start
        asked = left if left <= want else unread.file.up_to_a_line(unread.start, want)
        data = unread.file.read(asked, unread.start)
        if data.startswith(NUL):
            return self._read_after_hole(unread, limits)
        end = data.rfind(b"\n") + 1
        is_long = len(data) - end > limits.max_line_bytes
        if is_long and not end:
            self._skip = Skip()
            return self._skip_block(unread, limits, self._skip)
        # A line over the limit stands alone: an event of several lines ends before it.
        whole = _sifted(unread, _block(unread, data[:end], limits, is_last=is_long))
        if whole.end == unread.start and len(data) == asked < left:
            return None
        chunk = self._fitted(whole, data, limits, is_all=asked == left)
        rest = data[whole.end - unread.start :]
        is_full = len(chunk.lines) >= limits.max_lines
        is_all_read = chunk.end == whole.end and unread.start + len(data) >= unread.size
        has_more = not is_all_read or (is_full and rest != b"")
        if rest.startswith(NUL):
            return Read(chunk, has_more or rest.strip(NUL) != b"")
        return Read(chunk, has_more, b"" if has_more else rest)

    def _read_after_hole(self, unread: Unread, limits: Limits) -> Read:
        """Pass over NULs; those at the end of a file stay unread, as room that it was given.

        A file has a hole in front of its next line when it was cut, and its program writes on
        where it was.
        """
        at, text = unread.start, b""
        for _ in range(_MAX_NUL_BLOCKS):
            at = min(unread.file.after_hole(at), unread.size)
            block = unread.file.read(min(_BLOCK_BYTES, unread.size - at), at)
            text = block.lstrip(NUL)
            at += len(block) - len(text)
            if text or not block:
                break
        self._hole_end = at if at < unread.size else 0
        if at < unread.size and text:
            return self.read(unread, limits)
        return Read(Chunk(unread.start, unread.start), at < unread.size)

    def _fitted(self, chunk: Chunk, data: bytes, limits: Limits, *, is_all: bool) -> Chunk:
        """Cut the chunk, read as `data`, to the lines that fit; adjust the next block."""
        if len(chunk.lines) <= limits.max_lines:
            # Grow by an eighth if that still fits, and if there was more to read.
            if not is_all and len(chunk.lines) * 9 <= limits.max_lines * 8:
                self._block_bytes = min(_MAX_READ_BYTES, self._block_bytes * 9 // 8)
            return chunk
        chunk = _cut(chunk, limits.max_lines, data)
        self._block_bytes = max(_MIN_READ_BYTES, chunk.size_bytes)
        return chunk

    def _skip_block(self, unread: Unread, limits: Limits, skip: Skip) -> Read:
        """Skip a block of a line that is over the limit; at its end the chunk holds its reject."""
        start = unread.start
        block = unread.file.read(_BLOCK_BYTES, start + skip.length)
        line, newline, _ = block.partition(b"\n")
        # Many files may be skipping at a time: only an archive, which cannot be read again at its
        # start without unpacking it again, keeps the beginning of its line.
        skip.add(line, limits.max_line_bytes if unread.file.is_archive else 0)
        if not newline:
            return Read(Chunk(start, start), start + skip.length < unread.size)
        end = start + skip.length + 1
        self._skip = None
        head = bytes(skip.head) or unread.file.read(limits.max_line_bytes, start)
        line_over = OverLong(
            head=head,
            offset=start,
            path=unread.path,
            max_line_bytes=limits.max_line_bytes,
            length=skip.length,
            sha256=skip.digest.hexdigest(),
        )
        chunk = Chunk(start, end, unread.form.shorten(line_over), raw_lines=1)
        return Read(chunk, end < unread.size)


def with_rest(chunk: Chunk, rest: bytes, unread: Unread, limits: Limits) -> Chunk:
    """The chunk and, after it, the `rest` at the end of the file although it may be incomplete."""
    data = rest if rest.endswith(b"\n") else rest + b"\n"
    is_unended = len(data) > len(rest)
    after = unread._replace(start=chunk.end)
    block = _block(after, data, limits, is_last=True, is_unended=is_unended)
    return _joined(chunk, _sifted(after, block), len(rest))


def _block(unread: Unread, data: bytes, limits: Limits, **marks: bool) -> Block:
    start = unread.start
    size = min(start, BEFORE_BYTES)
    before = unread.file.read(size, start - size) if size else b""
    block = Block(data, start, unread.path, limits.max_line_bytes, before=before)
    if start <= _BEGINNING_BYTES and not unread.file.is_archive:
        block = replace(block, earlier=partial(_earlier, unread.file, start))
    return replace(block, **marks) if marks else block


def _earlier(file: Handle, start: int) -> tuple[bytes, bytes]:
    return end_before(file.file), file.read(start, 0)


def _sifted(unread: Unread, block: Block) -> Chunk:
    if not block.data:
        return Chunk(block.offset, block.offset)
    found = unread.form.sift(block)
    end = block.offset + len(block.data) - found.waiting_bytes
    return Chunk(block.offset, end, found, _raw_lines(found, block.data[: end - block.offset]))


def _raw_lines(sifted: Sifted, data: bytes) -> int:
    """The lines in the `data` that `sifted` was made of."""
    return data.count(b"\n") if sifted.offsets is not None else len(sifted.lines)


def _cut(chunk: Chunk, max_lines: int, data: bytes) -> Chunk:
    """The chunk up to the first line over the limit, or to the last cut before that line.

    Where there is no such cut, up to the first cut after it: a few lines more than `max_lines`.
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
        sealed=sifted.sealed[:kept],
        chain=sifted.chain[: (kept + 1) * HASH_BYTES],
    )
    raw_lines = _raw_lines(kept_lines, data[: end - chunk.start])
    return Chunk(chunk.start, end, kept_lines, raw_lines)


def _joined(chunk: Chunk, last: Chunk, last_bytes: int) -> Chunk:
    """The chunk followed by a last line, which takes `last_bytes` in the file."""
    first, second = chunk.sifted, last.sifted
    both = Sifted(
        Lines.joined([first.lines, second.lines]),
        [one.offset(index) for one in (chunk, last) for index in range(len(one.lines))],
        rejects=[*first.rejects, *second.rejects],
        filtered=[*first.filtered, *second.filtered],
        truncated=[*first.truncated, *second.truncated],
        sealed=[
            *(one.is_sealed(index) for one in (first, second) for index in range(len(one.lines)))
        ],
    )
    raw_lines = chunk.raw_lines + last.raw_lines
    return Chunk(chunk.start, chunk.end + last_bytes, both, raw_lines)
