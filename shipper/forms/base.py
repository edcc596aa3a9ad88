"""How the bytes of a file become lines that can be sent.

A form is a function of bytes: it knows where its block stands, and nothing of files.
"""

from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from shipper.forms.check import Sifted


class Block(Struct, frozen=True):
    """Whole raw lines of one file, as read."""

    #: Ends with a newline.
    data: bytes
    #: Where it starts in the file.
    offset: int
    #: The file, for what a line says of its origin.
    path: str
    #: A longer line is rejected, or cut with a mark.
    max_line_bytes: int
    #: Whether nothing more is waited for: what is open ends here.
    is_last: bool = False
    #: Whether the newline at the end is not in the file (yet).
    is_unended: bool = False
    #: Whether the beginning of the first line was sent before, when its end was not in the file.
    is_continued: bool = False


class OverLong(Struct, frozen=True):
    """A line over the limit that was passed over in pieces: what is kept of it."""

    #: The first `max_line_bytes` of it.
    head: bytes
    offset: int
    path: str
    max_line_bytes: int
    length: int
    sha256: str


class Skip:
    """An over-long line being passed over: what is kept of it."""

    __slots__ = ("digest", "head", "length")

    def __init__(self) -> None:
        self.digest = sha256()
        self.head = bytearray()
        self.length = 0

    def add(self, data: bytes, max_bytes: int) -> None:
        self.digest.update(data)
        self.head += data[: max_bytes - len(self.head)]
        self.length += len(data)


class Form(Protocol):
    """Makes strict JSON objects, one a line, of raw lines.

    However the file is cut into blocks, the lines are the same.
    """

    def sift(self, block: Block) -> Sifted:
        """The lines to send and the rejects; `waiting_bytes` of the block wait for more."""
        ...

    def shorten(self, line: OverLong) -> Sifted:
        """What is sent or rejected of a line that is too long."""
        ...

    def patience_s(self, rest: bytes) -> float | None:
        """How long to wait for more when a file ends with `rest`, which was not sent.

        Zero where it cannot grow; None where it must not be sent as it is.
        """
        ...
