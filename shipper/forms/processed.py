"""Lines that the operator's processors change or drop before they are sent."""

from hashlib import sha256

from msgspec.structs import replace

from shipper.errors import Unprocessable
from shipper.forms.base import Block, Form, OverLong
from shipper.forms.check import EXCERPT_BYTES, Reject, Sifted
from shipper.lines import Lines
from shipper.processors.chain import Chain


class Processed:
    """Passes the lines of another form through a chain; lines that it drops count as filtered."""

    def __init__(self, form: Form, chain: Chain) -> None:
        self.form, self.chain = form, chain

    def sift(self, block: Block) -> Sifted:
        """The processed lines, each with the offset of the line that it was."""
        return self._processed(self.form.sift(block), block.offset)

    def shorten(self, line: OverLong) -> Sifted:
        return self._processed(self.form.shorten(line), line.offset)

    def patience_s(self, rest: bytes) -> float | None:
        return self.form.patience_s(rest)

    def _processed(self, sifted: Sifted, base: int) -> Sifted:
        lines, offsets = [], []
        rejects, filtered = [*sifted.rejects], [*sifted.filtered]
        is_changed = False
        for line, offset in zip(sifted.lines, sifted.places(base), strict=True):
            try:
                processed = self.chain.apply(line)
            except Unprocessable as error:
                rejects.append(_unprocessed(line, offset, str(error)))
                continue
            is_changed = is_changed or processed is not line
            if processed is None:
                filtered.append(offset)
            else:
                lines.append(processed)
                offsets.append(offset)
        if len(lines) == len(sifted.lines) and not is_changed:
            return sifted
        joined = Lines.of(lines)
        return replace(sifted, lines=joined, offsets=offsets, rejects=rejects, filtered=filtered)


def _unprocessed(line: bytes, offset: int, reason: str) -> Reject:
    """Reject the line and keep only its beginning, so that a replay cannot send it unprocessed."""
    digest = sha256(line).hexdigest()
    return Reject(line[:EXCERPT_BYTES], offset, reason, len(line), digest)
