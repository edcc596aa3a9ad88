"""Files of an audit stream: sealed lines are events, and any other line is foreign."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from shipper.forms.base import Block, Form, OverLong
from shipper.forms.check import Sifted, sift
from shipper.forms.ndjson import rejected
from shipper.lines import Lines
from shipper.record.format import parse_segment_start
from shipper.record.seal import follows, hashes_of, unseal


class Sealed(Struct, frozen=True):
    """Lines of a segment; a line counts only with its newline.

    The writer cuts off an incomplete line, and may write another with the same sequence number.

    A line is an event if its seal follows the line before it in the file, whatever that is: so the
    result is the same however the file is split into blocks, and one changed line does not make
    foreign lines of all that follow. The rest takes the way of lines from foreign files.
    """

    #: What becomes of the lines that are not sealed.
    foreign: Form

    def sift(self, block: Block) -> Sifted:
        previous = _before_first(block)
        sifted = sift(block.data, block.offset, block.max_line_bytes)
        if sifted.offsets is None and previous is not None:
            hashes = hashes_of(block.data, sifted.lines.ends, previous)
            if hashes is not None:
                sealed = [True] * len(sifted.lines)
                return replace(sifted, sealed=sealed, chain=previous + hashes)
        return _joined([self._part(part, is_sealed) for part, is_sealed in _runs(block, previous)])

    def shorten(self, line: OverLong) -> Sifted:
        return rejected(line)

    def patience_s(self, rest: bytes) -> float | None:  # noqa: ARG002  # the signature of all forms
        return None

    def _part(self, part: Block, is_sealed: bool) -> Sifted:  # noqa: FBT001
        if not is_sealed:
            found = self.foreign.sift(part)
        else:
            found = sift(part.data, part.offset, part.max_line_bytes)
        sealed = [is_sealed] * len(found.lines)
        return replace(found, offsets=found.places(part.offset), cuts=None, sealed=sealed)


def _before_first(block: Block) -> bytes | None:
    """The hash that the first line of the block has to follow, if it is to be an event."""
    if block.offset:
        return _hash_of(block.before.removesuffix(b"\n"))
    start = parse_segment_start(block.data.partition(b"\n")[0])
    return start.previous if start else None


def _hash_of(line: bytes) -> bytes | None:
    parts = unseal(line)
    return parts[1] if parts else None


def _runs(block: Block, previous: bytes | None) -> Iterator[tuple[Block, bool]]:
    """The block in parts: consecutive lines that are sealed, and that are not."""
    lines = block.data.split(b"\n")[:-1]
    hashes = [previous, *map(_hash_of, lines)]
    sealed = [
        before is not None and follows(line, before)
        for line, before in zip(lines, hashes, strict=False)
    ]
    offset = block.offset
    for is_sealed, group in groupby(zip(lines, sealed, strict=True), lambda pair: pair[1]):
        data = b"".join(line + b"\n" for line, _ in group)
        # Nothing waits for the next block: an event of several lines ends before a sealed one.
        yield replace(block, data=data, offset=offset, before=b"\n", is_last=True), is_sealed
        offset += len(data)


def _joined(parts: Sequence[Sifted]) -> Sifted:
    return Sifted(
        Lines.joined([part.lines for part in parts]),
        [offset for part in parts for offset in part.offsets or ()],
        [reject for part in parts for reject in part.rejects],
        filtered=[offset for part in parts for offset in part.filtered],
        truncated=[record for part in parts for record in part.truncated],
        sealed=[is_sealed for part in parts for is_sealed in part.sealed],
    )
