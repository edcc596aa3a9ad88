"""What goes to the destination at once: chunks of one file or many."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from shipper.deliver.block import Reject
from shipper.deliver.chunk import Chunk
from shipper.deliver.reject import DeadLetter
from shipper.outputs.base import Lines


class Batch(Struct, frozen=True):
    """Chunks that are settled and committed together, at most one of each file."""

    chunks: Sequence[Chunk]

    def lines(self) -> Lines:
        """All good lines, in order."""
        if len(self.chunks) == 1:
            return self.chunks[0].lines  # the usual case: no copy
        return Lines.joined([chunk.lines for chunk in self.chunks])

    def size_bytes(self) -> int:
        """The bytes of the files that it covers."""
        return sum(chunk.end - chunk.start for chunk in self.chunks)

    def rejects(self) -> Iterator[DeadLetter]:
        """The lines that were bad as read."""
        for chunk in self.chunks:
            path = chunk.source.found.path
            yield from (DeadLetter(path, reject) for reject in chunk.rejects)

    def truncated(self) -> Sequence[DeadLetter]:
        """The lines that are sent without their ends."""
        return [
            DeadLetter(chunk.source.found.path, record)
            for chunk in self.chunks
            for record in chunk.truncated
        ]

    def reject(self, index: int, reason: str) -> DeadLetter:
        """The dead letter of the good line of that index, which the destination refused."""
        for chunk in self.chunks:
            if index < len(chunk.lines):
                reject = Reject(chunk.lines[index], chunk.offset(index), reason)
                return DeadLetter(chunk.source.found.path, reject)
            index -= len(chunk.lines)
        raise IndexError(index)
