"""How the bytes of a file become lines that can be sent.

A form is a function of bytes: it knows where its block stands, and nothing of files.
"""

from hashlib import sha256
from typing import Protocol

from msgspec import Struct

from shipper.deliver.block import EXCERPT_BYTES, Sifted, fault, over_long, sift
from shipper.outputs.base import NO_LINES


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


class Ndjson:
    """Each line is one strict JSON object and goes out as it stands; what is not is rejected."""

    def sift(self, block: Block) -> Sifted:
        return sift(block.data, block.offset, block.max_line_bytes)

    def shorten(self, line: OverLong) -> Sifted:
        return rejected(line)

    def patience_s(self, rest: bytes) -> float | None:
        return 0.0 if is_whole(rest) else None


def is_whole(rest: bytes) -> bool:
    """Whether a last line without newline is a complete JSON object, which cannot grow.

    Only white space or a newline can follow it. The newline that comes later is then a blank line.
    """
    return rest.startswith(b"{") and rest.endswith(b"}") and fault(rest) is None


def rejected(line: OverLong) -> Sifted:
    """The reject of a line that is too long."""
    excerpt = line.head[:EXCERPT_BYTES]
    reject = over_long(excerpt, line.offset, line.length, line.sha256, line.max_line_bytes)
    return Sifted(NO_LINES, (), (reject,))


NDJSON = Ndjson()
