"""What goes to the destination at once: chunks of one source or many."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from shipper.follow.chunk import Chunk
from shipper.follow.source import Source
from shipper.forms.check import Reject
from shipper.lines import Lines


class DeadLetter(Struct, frozen=True):
    """A rejected line, and the file it came from."""

    path: str
    reject: Reject


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
            return self.parts[0][1].lines  # the usual case: no copy
        return Lines.joined([chunk.lines for chunk in self.chunks])

    def line_count(self) -> int:
        """How many lines there are to send."""
        return sum(len(chunk.lines) for chunk in self.chunks)

    def size_bytes(self) -> int:
        """The bytes of the files that it covers."""
        return sum(chunk.size_bytes for chunk in self.chunks)

    def filtered(self) -> Iterator[tuple[str, Sequence[int]]]:
        """The paths of files with lines that the operator does not want, and their offsets."""
        for source, chunk in self.parts:
            if chunk.sifted.filtered:
                yield source.found.path, chunk.sifted.filtered

    def rejects(self) -> Iterator[DeadLetter]:
        """The lines that were bad as read."""
        for source, chunk in self.parts:
            path = source.found.path
            yield from (DeadLetter(path, reject) for reject in chunk.sifted.rejects)

    def truncated(self) -> Sequence[DeadLetter]:
        """The lines that are sent without their ends."""
        return [
            DeadLetter(source.found.path, record)
            for source, chunk in self.parts
            for record in chunk.sifted.truncated
        ]

    def reject(self, index: int, reason: str) -> DeadLetter:
        """The dead letter of the line of that index, which the destination refused."""
        for source, chunk in self.parts:
            if index < len(chunk.lines):
                reject = Reject(chunk.lines[index], chunk.offset(index), reason)
                return DeadLetter(source.found.path, reject)
            index -= len(chunk.lines)
        raise IndexError(index)
