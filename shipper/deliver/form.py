"""How the bytes of a file become lines that can be sent.

A form is a function of bytes: it knows where its block stands, and nothing of files.
"""

from dataclasses import dataclass
from typing import Protocol

from shipper.deliver.block import Sifted, fault, sift


@dataclass(frozen=True, slots=True)
class Block:
    """Whole raw lines of one file, as read."""

    #: Ends with a newline.
    data: bytes
    #: Where it starts in the file.
    offset: int
    #: The file, for what a line says of its origin.
    path: str
    #: A longer line is rejected, or cut with a mark.
    max_line_bytes: int


class Form(Protocol):
    """Makes strict JSON objects, one a line, of raw lines."""

    def sift(self, block: Block) -> Sifted:
        """The lines to send and the rejects; `waiting_bytes` of the block wait for more."""
        ...

    def is_whole(self, rest: bytes) -> bool:
        """Whether a last line without newline cannot grow, so that it need not be waited for."""
        ...


class Ndjson:
    """Each line is one strict JSON object and goes out as it stands; what is not is rejected."""

    def sift(self, block: Block) -> Sifted:
        return sift(block.data, block.offset, block.max_line_bytes)

    def is_whole(self, rest: bytes) -> bool:
        """A complete JSON object cannot grow: only white space or a newline can follow it.

        The newline that comes later is then a blank line.
        """
        return rest.startswith(b"{") and rest.endswith(b"}") and fault(rest) is None


NDJSON = Ndjson()
