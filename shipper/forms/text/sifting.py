"""A block being worked off, message by message, through the steps of the parsers.

A step may hold messages back. Where nothing held and nothing given on spans a place, the file can
be parted there: everything before it is done, and who begins there with nothing held goes on in
the same way. A position is always at such a place, so that parsers need no memory beyond a block,
and however a file is cut into blocks, the events are the same.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from shipper.forms.base import Block
from shipper.forms.check import Sifted
from shipper.forms.text.emit import Emitter
from shipper.forms.text.message import PARTIAL, Message, Parser, Step


class Sifting:
    """One block on its way through the steps."""

    def __init__(
        self, parsers: Sequence[Parser], block: Block, max_bytes: int, emitter: Emitter
    ) -> None:
        """No message is to be larger than `max_bytes`."""
        self._block, self._emitter = block, emitter
        self._steps = [parser.step(max_bytes) for parser in parsers]
        #: Up to here everything is done.
        self._base = block.offset
        self._given: list[Message] = []
        self._cuts: list[int] = []

    def feed(self, message: Message) -> None:
        """The next raw line."""
        if not self._steps:
            self._emitter.emit(message)
            self._base = message.end
            return
        if message.truncated:  # stands alone
            self._end(message.start)
        elif self._is_far(message):
            self._end(message.start, PARTIAL)
        steps = () if message.truncated else self._steps
        self._given += _through(steps, [message])
        self._part(message.end)

    def result(self) -> Sifted:
        """What became of the block."""
        end = self._block.offset + len(self._block.data)
        if self._block.is_last:
            self._end(end)
        sifted = self._emitter.result()
        cuts = self._cuts if self._steps else None
        return replace(sifted, waiting_bytes=end - self._base, cuts=cuts)

    def _is_far(self, message: Message) -> bool:
        """Whether what waits for its end would fill the memory."""
        is_first = message.start == self._base
        return not is_first and message.end - self._base > self._block.max_line_bytes

    def _end(self, place: int, *flags: str) -> None:
        """Let every step give what it holds, and part the file at `place`."""
        for index, step in enumerate(self._steps):
            held = step.end()
            for message in held:
                message.flags = tuple(dict.fromkeys((*message.flags, *flags)))
            self._given += _through(self._steps[index + 1 :], held)
        self._part(place)

    def _part(self, end: int) -> None:
        """Emit what is given on, if nothing of it spans the place where the rest begins."""
        held = min((start for step in self._steps if (start := step.held) is not None), default=end)
        if any(message.end > held for message in self._given):
            return
        self._base = held
        if self._given:
            for message in sorted(self._given, key=_start):
                self._emitter.emit(message)
            self._given = []
            self._cuts.append(held)


def _start(message: Message) -> int:
    return message.start


def _through(steps: Sequence[Step], messages: Sequence[Message]) -> Sequence[Message]:
    for step in steps:
        messages = [given for message in messages for given in step.feed(message)]
    return messages
