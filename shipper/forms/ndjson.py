"""NDJSON: each line of the file is one event."""

from msgspec.structs import replace

from shipper.forms.base import Block, OverLong
from shipper.forms.check import BOM, EXCERPT_BYTES, Sifted, fault, over_long, sift
from shipper.lines import NO_LINES


class Ndjson:
    """Each line is one strict JSON object and is sent unchanged; any other line is rejected."""

    def sift(self, block: Block) -> Sifted:
        if block.offset == 0 and block.data.startswith(BOM):
            found = sift(block.data[len(BOM) :], len(BOM), block.max_line_bytes)
            return replace(found, offsets=found.places(len(BOM)))
        return sift(block.data, block.offset, block.max_line_bytes)

    def shorten(self, line: OverLong) -> Sifted:
        return rejected(line)

    def patience_s(self, rest: bytes) -> float | None:
        return 0.0 if is_complete(rest) else None


def is_complete(rest: bytes) -> bool:
    """Whether a last line without newline is a complete JSON object, which cannot grow.

    Only white space or a newline can follow it, and is then read as a blank line.
    """
    text = rest.removeprefix(BOM)
    return text.startswith(b"{") and text.endswith(b"}") and fault(text) is None


def rejected(line: OverLong) -> Sifted:
    """The reject of a line that is too long."""
    excerpt = line.head[:EXCERPT_BYTES]
    reject = over_long(excerpt, line.offset, line.length, line.sha256, line.max_line_bytes)
    return Sifted(NO_LINES, (), (reject,))


NDJSON = Ndjson()
