"""Batches: the chunks of one or many sources that are sent together."""

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from shipper.follow.reader import Chunk, Limits
from shipper.follow.registry import Committed, id_key
from shipper.follow.source import Source
from shipper.forms.check import Reject
from shipper.lines import Lines

#: A batch with less room than this is full: a block that small would be read again and again.
_MIN_ROOM_BYTES = 64 << 10

#: Archives are scanned in steps of some 20 ms. After this many the lines that were read are sent.
_MAX_SCAN_STEPS = 16


class BadLine(Struct, frozen=True):
    """A line that is rejected or truncated, and the path of its file."""

    path: str
    reject: Reject
    #: The key of the file, where the line's id is made of that; empty if it is a sealed event.
    key: str = ""


class Batch(Struct, frozen=True):
    """Chunks that are settled and committed together, at most one of each source."""

    parts: Sequence[tuple[Source, Chunk]]

    @property
    def chunks(self) -> Iterator[Chunk]:
        """The chunks, in order."""
        return (chunk for _, chunk in self.parts)

    def lines(self) -> Lines:
        """All lines to send, in order."""
        if len(self.parts) == 1:
            source, chunk = self.parts[0]
            return source.lines(chunk)  # the usual case: no copy
        return Lines.joined([source.lines(chunk) for source, chunk in self.parts])

    def unannounced(self, committed: Committed) -> Iterator[Source]:
        """The files with lines that could have other ids after a crash, as the disk is now."""
        for source, chunk in self.parts:
            position = committed.get(source.id)
            known = (position.key, position.cut) if position else None
            if chunk.has_places_as_ids and known != (source.key, source.cut):
                yield source

    def counts(self) -> Sequence[tuple[int, int]]:
        """The id of each source, and its number of lines."""
        return [(source.id, len(chunk.lines)) for source, chunk in self.parts]

    def without(self, sources: Collection[int]) -> "Batch":
        """The part without the lines of these sources."""
        return Batch([part for part in self.parts if part[0].id not in sources])

    def line_count(self) -> int:
        """The number of lines to send."""
        return sum(len(chunk.lines) for chunk in self.chunks)

    def size_bytes(self) -> int:
        """The bytes of the files that it covers."""
        return sum(chunk.size_bytes for chunk in self.chunks)

    def filtered(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The paths of files with lines that the operator has excluded, and their offsets."""
        for source, chunk in self.parts:
            if chunk.sifted.filtered:
                yield source.found.path, chunk.sifted.filtered

    def rejects(self) -> Iterator[BadLine]:
        """The lines that were rejected when they were read."""
        for source, chunk in self.parts:
            path, key = source.found.path, id_key(source.key)
            yield from (BadLine(path, reject, key) for reject in chunk.sifted.rejects)

    def truncated(self) -> Sequence[BadLine]:
        """The lines that are sent without their ends."""
        return [
            BadLine(source.found.path, record)
            for source, chunk in self.parts
            for record in chunk.sifted.truncated
        ]

    def reject(self, index: int, reason: str) -> BadLine:
        """The line at `index`, which the destination rejected, with the reason."""
        for source, chunk in self.parts:
            if index < len(chunk.lines):
                reject = Reject(chunk.lines[index], chunk.offset(index), reason)
                key = "" if chunk.sifted.is_sealed(index) else id_key(source.key)
                return BadLine(source.found.path, reject, key)
            index -= len(chunk.lines)
        raise IndexError(index)


class BatchBuilder:
    """A batch being filled, and the room that it has left."""

    __slots__ = ("_bytes_left", "_lines_left", "_max_line_bytes", "_parts", "_scan_steps_left")

    def __init__(self, limits: Limits) -> None:
        self._parts: list[tuple[Source, Chunk]] = []
        self._lines_left, self._bytes_left = limits.max_lines, limits.max_bytes
        self._max_line_bytes = limits.max_line_bytes
        self._scan_steps_left = _MAX_SCAN_STEPS

    @property
    def has_room(self) -> bool:
        """Whether another chunk fits, and the lines so far need not be sent first."""
        return (
            self._lines_left > 0
            and self._bytes_left >= _MIN_ROOM_BYTES
            and self._scan_steps_left > 0
        )

    def room(self) -> Limits:
        """The limits of the next chunk."""
        return Limits(self._lines_left, self._bytes_left, self._max_line_bytes)

    def count_scan_step(self) -> None:
        """Note that time was spent on an archive."""
        self._scan_steps_left -= 1

    def add(self, source: Source, chunk: Chunk) -> None:
        """Append the chunk."""
        self._parts.append((source, chunk))
        self._lines_left -= len(chunk.lines)
        self._bytes_left -= chunk.size_bytes

    def batch(self) -> Batch | None:
        """The batch; None if it is empty."""
        return Batch(self._parts) if self._parts else None
