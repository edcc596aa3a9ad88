"""Files whose lines nobody wants: they are passed over, and counted."""

from shipper.forms.base import Block, OverLong
from shipper.forms.check import Sifted
from shipper.lines import NO_LINES, Lines


class Dropped:
    """Each line is filtered out."""

    def sift(self, block: Block) -> Sifted:
        starts = Lines.of(block.data.split(b"\n")[:-1]).starts()
        return Sifted(NO_LINES, (), filtered=[block.offset + start for start in starts])

    def shorten(self, line: OverLong) -> Sifted:
        return Sifted(NO_LINES, (), filtered=(line.offset,))

    def patience_s(self, _rest: bytes) -> float | None:
        return None


DROPPED = Dropped()
