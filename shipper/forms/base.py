"""How the bytes of a file become lines that can be sent.

A form works on bytes alone: it knows where a block starts in its file, but it never reads a file.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, Protocol

from msgspec import Struct

from shipper.forms.check import Sifted

#: The seal of a line and its newline fit.
BEFORE_BYTES: Final = 128


#: Begins a line where a file has a hole; never a part of text.
NUL: Final = b"\0"


def _nothing() -> tuple[bytes, bytes]:
    return b"", b""


class Block(Struct, frozen=True):
    """Complete raw lines of one file, as read."""

    #: Ends with a newline.
    data: bytes
    #: Where it starts in the file.
    offset: int
    #: The file, which an event may name as its origin.
    path: str
    #: A longer line is rejected, or cut and marked.
    max_line_bytes: int
    #: Whether no more data is expected, so that an unfinished event ends here.
    is_last: bool = False
    #: Whether the newline at the end of `data` is not in the file (yet).
    is_unended: bool = False
    #: The last bytes before it in the file, BEFORE_BYTES if there are as many.
    before: bytes = b""
    #: Near the beginning of a file: the end of the file that its program wrote before, and this
    #: file up to the block. Looked up only for a form that asks.
    earlier: Callable[[], tuple[bytes, bytes]] = _nothing

    @property
    def is_continued(self) -> bool:
        """Whether the beginning of the first line was sent before its end was in the file."""
        text = self.before.rstrip(NUL)
        return text != b"" and not text.endswith(b"\n")

    @property
    def follows_hole(self) -> bool:
        """Whether NULs before the first line were passed over."""
        return self.before.endswith(NUL)


class OverLong(Struct, frozen=True):
    """What is kept of a line over the limit, which was read and skipped in pieces."""

    #: Its first `max_line_bytes`.
    head: bytes
    offset: int
    path: str
    max_line_bytes: int
    length: int
    sha256: str


class Skip:
    """What is kept of an over-long line while it is being skipped."""

    __slots__ = ("digest", "head", "length")

    def __init__(self) -> None:
        self.digest = sha256()
        self.head = bytearray()
        self.length = 0

    def add(self, data: bytes, max_bytes: int) -> None:
        """Count the next piece; of the line, the first `max_bytes` are kept."""
        self.digest.update(data)
        self.head += data[: max_bytes - len(self.head)]
        self.length += len(data)


class Form(Protocol):
    """Turns raw lines into strict JSON objects, one per line.

    However the file is split into blocks, the result is the same.
    """

    def sift(self, block: Block) -> Sifted:
        """Separate the lines to send from the rejects; the last `waiting_bytes` wait for more."""
        ...

    def shorten(self, line: OverLong) -> Sifted:
        """What is sent of a line that is too long, or rejected."""
        ...

    def patience_s(self, rest: bytes) -> float | None:
        """How long to wait for more data when a file ends with `rest`, which has not been sent.

        Zero if it cannot grow; None if it must not be sent without more.
        """
        ...
