"""Hands the chain of the lines that are read for delivery to the signer of checkpoints.

Delivery checks the seal of each line. The signer needs the same hashes, and checking them again
would cost it as much as the tree. What is not handed over, the signer reads itself: so nothing
here has to be complete.
"""

import threading

from msgspec import Struct

from shipper.follow.batch import Batch
from shipper.follow.discover import Found
from shipper.follow.reader import Chunk
from shipper.record.format import UNREADABLE, sequence_of


class Chain(Struct, frozen=True):
    """Consecutive lines of one file, each of which follows the one before."""

    #: Where the last of them ends in the file.
    end: int
    #: The hash that the first one follows, and the hash of each; empty if they do not follow.
    hashes: bytes = b""
    #: The sequence of the last one.
    sequence: int = 0


#: By device and inode of the file.
Chains = dict[tuple[int, int], list[Chain]]

#: The signer is woken when it has so many lines to take, before its next turn is due.
_MANY = 100_000
#: More are not kept: 10 MB of hashes.
_MOST = 300_000


class Verified:
    """What all pipelines have read since the signer last took it; used by several threads."""

    def __init__(self) -> None:
        #: Set when it is time to take: the signer waits for it.
        self.is_many = threading.Event()
        self._lock = threading.Lock()
        self._chains: Chains = {}
        self._lines = 0

    def note_all(self, batch: Batch) -> None:
        """Keep the chains of the segments in a batch."""
        for source, chunk in batch.parts:
            if source.segment:
                self.note(source.found, chunk)

    def note(self, found: Found, chunk: Chunk) -> None:
        """Keep the chain of a chunk of a segment, unless another pipeline has read as far."""
        key = (found.device, found.inode)
        with self._lock:
            chains = self._chains.get(key)
            if self._lines > _MOST or (chains and chains[-1].end >= chunk.end):
                return
        chain = _chain_of(chunk)
        with self._lock:
            self._chains.setdefault(key, []).append(chain)
            self._lines += len(chunk.lines)
            if self._lines > _MANY:
                self.is_many.set()

    def take(self) -> Chains:
        """What was read since the last call."""
        with self._lock:
            taken, self._chains, self._lines = self._chains, {}, 0
            self.is_many.clear()
        return taken


def _chain_of(chunk: Chunk) -> Chain:
    hashes, lines = chunk.sifted.chain, chunk.lines
    if not hashes:
        return Chain(chunk.end)
    try:
        return Chain(chunk.end, hashes, sequence_of(lines[len(lines) - 1]))
    except UNREADABLE:
        return Chain(chunk.end)
