"""How far a file is settled, and a growing fingerprint of the settled bytes."""

from hashlib import sha256

import msgspec

from shipper.follow.handle import Handle

#: The same as in Filebeat's fingerprints: files of one service differ within the first KiB.
HEAD_BYTES = 1024

#: 120 bits of SHA-256. Each of ten thousand files has two of them in memory, and one byte more
#: would make each a third larger.
_FINGERPRINT_BYTES = 15


class Mark(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An offset in a file, and fingerprints of the bytes before it."""

    offset: int = 0
    #: Of the first HEAD_BYTES, or of all bytes before the offset if they are fewer.
    head: bytes = b""
    #: Of the HEAD_BYTES before the offset, where the head does not reach it.
    tail: bytes = b""
    #: How many bytes the head covers while nothing is settled, but lines were sent.
    ahead: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the head covers HEAD_BYTES; many files may begin with fewer equal bytes."""
        return self._known_bytes >= HEAD_BYTES

    @property
    def _known_bytes(self) -> int:
        return self.offset or self.ahead

    def fits(self, file: Handle) -> bool:
        """Whether the open file holds the settled bytes, as far as the fingerprints show."""
        if self._known_bytes and head_of(file, self._known_bytes) != self.head:
            return False
        return not self.tail or _tail(file, self.offset) == self.tail

    def moved(self, file: Handle, offset: int) -> "Mark":
        """The mark at a later `offset` in the same file."""
        # A full head of lines that were sent covers more than the first few that are settled.
        is_kept = self.is_full and offset >= HEAD_BYTES
        head = self.head if is_kept else head_of(file, offset)
        return Mark(offset, head, _tail(file, offset) if offset > HEAD_BYTES else b"")


def fingerprint(data: bytes) -> bytes:
    """A short hash of `data`."""
    return sha256(data).digest()[:_FINGERPRINT_BYTES]


def head_of(file: Handle, offset: int = HEAD_BYTES) -> bytes:
    """The head of a mark at `offset`."""
    return fingerprint(file.read(min(HEAD_BYTES, offset), 0))


def _tail(file: Handle, offset: int) -> bytes:
    return fingerprint(file.read(HEAD_BYTES, offset - HEAD_BYTES))
