"""Lines that the operator's processors change or drop before they are sent."""

from collections.abc import Callable, Iterator, Sequence
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

    @property
    def once_known(self) -> Callable[[str], Form | None] | None:
        """This form for a path, or None while a processor waits for what is not known of the file.

        None instead of a function if no processor ever waits.
        """
        if not self.chain.may_wait:
            return None
        return lambda path: None if self.chain.awaits(path) else self

    def sift(self, block: Block) -> Sifted:
        """The processed lines, each with the offset of the line that it was."""
        return self._processed(self.form.sift(block), block.offset)

    def shorten(self, line: OverLong) -> Sifted:
        return self._processed(self.form.shorten(line), line.offset)

    def patience_s(self, rest: bytes) -> float | None:
        return self.form.patience_s(rest)

    def _processed(self, sifted: Sifted, base: int) -> Sifted:
        if not self.chain.may_touch(sifted.lines.block):
            return sifted
        run = _Run(self.chain, sifted, sifted.places(base))
        for start in range(0, len(sifted.lines), _GROUP):
            run.process(start, min(start + _GROUP, len(sifted.lines)))
        return run.result()


#: Lines that are checked together: fewer than lie between two that a processor touches.
_GROUP = 32


class _Run:
    """The lines of one block on their way through a chain."""

    def __init__(self, chain: Chain, sifted: Sifted, places: Sequence[int]) -> None:
        self._chain, self._sifted, self._places = chain, sifted, places
        self._parts: list[Lines] = []
        self._offsets: list[int] = []
        self._rejects, self._filtered = [*sifted.rejects], [*sifted.filtered]
        self._is_changed = False

    def process(self, start: int, stop: int) -> None:
        """Process the lines `start` to `stop`, which follow those before."""
        group, places = self._sifted.lines.part(start, stop), self._places[start:stop]
        if self._chain.may_touch(group.block):
            group = Lines.of(self._processed(group, places))
        else:
            self._offsets += places
        self._parts.append(group)

    def result(self) -> Sifted:
        """The processed lines; the same object if all are unchanged."""
        if not self._is_changed:
            return self._sifted
        return replace(
            self._sifted,
            lines=Lines.joined(self._parts),
            offsets=self._offsets,
            rejects=self._rejects,
            filtered=self._filtered,
        )

    def _processed(self, lines: Lines, places: Sequence[int]) -> Iterator[bytes]:
        for line, offset in zip(lines, places, strict=True):
            try:
                processed = self._chain.apply(line)
            except Unprocessable as error:
                self._rejects.append(_unprocessed(line, offset, str(error)))
                self._is_changed = True
                continue
            self._is_changed = self._is_changed or processed is not line
            if processed is None:
                self._filtered.append(offset)
            else:
                self._offsets.append(offset)
                yield processed


def _unprocessed(line: bytes, offset: int, reason: str) -> Reject:
    """Reject the line and keep only its beginning, so that a replay cannot send it unprocessed."""
    digest = sha256(line).hexdigest()
    return Reject(line[:EXCERPT_BYTES], offset, reason, len(line), digest)
