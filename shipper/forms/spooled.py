"""Segments of standard input: a first line from the spool, then the lines of another form."""

import uuid

from msgspec.structs import replace

from shipper.forms.base import Block, Form, OverLong
from shipper.forms.check import Sifted
from shipper.lines import NO_LINES

#: The first line of a segment; it makes the beginnings of segments differ, whatever follows.
HEAD = b"# mcp-shipper stdin %b\n"
HEAD_BYTES = len(HEAD % uuid.UUID(int=0).hex.encode())


class Spooled:
    """The lines of another form in segments, after the first line, which is never sent."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def sift(self, block: Block) -> Sifted:
        if block.offset:
            return self.form.sift(block)
        rest = block.data[HEAD_BYTES:]
        if not rest:
            return Sifted(NO_LINES, ())
        found = self.form.sift(replace(block, data=rest, offset=HEAD_BYTES))
        return replace(found, offsets=found.places(HEAD_BYTES))

    def shorten(self, line: OverLong) -> Sifted:
        return self.form.shorten(line)

    def patience_s(self, rest: bytes) -> float | None:
        return self.form.patience_s(rest)
