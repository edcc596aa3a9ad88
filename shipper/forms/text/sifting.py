"""The messages of one block, passed through the steps of the parsers.

A step may hold messages back. The file can be cut at a place that no message spans, held back or
passed on: everything before the cut is done, and a reader that starts there, with nothing held
back, makes the same events. Positions are saved only at cuts. So parsers need no state beyond a
block, and however a file is split into blocks, the events are the same.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from shipper.forms.base import Block
from shipper.forms.check import Sifted
from shipper.forms.text.emit import Emitter
from shipper.forms.text.message import PARTIAL, Message, Parser, Step


class Sifting:
    """One block on its way through the steps: `feed` each message, then take the `result`."""

    def __init__(
        self, parsers: Sequence[Parser], block: Block, max_bytes: int, emitter: Emitter
    ) -> None:
        """No message may be larger than `max_bytes`."""
        self._block, self._emitter = block, emitter
        self._steps = [parser.step(max_bytes, block.earlier) for parser in parsers]
        #: Everything before this place is done.
        self._base = block.offset
        #: Messages that passed all steps, but wait for a cut.
        self._passed: list[Message] = []
        self._cuts: list[int] = []

    def feed(self, message: Message) -> None:
        """Take the next raw line."""
        if not self._steps:
            self._emitter.emit(message)
            self._base = message.end
            return
        if message.truncated:  # an event by itself, which parsers do not see
            self._flush(message.start)
        elif self._is_over_limit(message):
            self._flush(message.start, PARTIAL)
        steps = () if message.truncated else self._steps
        self._passed += _through(steps, [message])
        self._cut(message.end)

    def result(self) -> Sifted:
        """The lines and rejects of the block, and how much of it waits for more."""
        end = self._block.offset + len(self._block.data)
        if self._block.is_last:
            self._flush(end)
        sifted = self._emitter.result()
        cuts = self._cuts if self._steps else None
        return replace(sifted, waiting_bytes=end - self._base, cuts=cuts)

    def _is_over_limit(self, message: Message) -> bool:
        """Whether so much would wait for a cut that it could fill the memory."""
        is_first = message.start == self._base
        return not is_first and message.end - self._base > self._block.max_line_bytes

    def _flush(self, place: int, *flags: str) -> None:
        """End what every step holds back, add `flags` to it, and cut the file at `place`."""
        for index, step in enumerate(self._steps):
            ended = step.end()
            for message in ended:
                message.flags = tuple(dict.fromkeys((*message.flags, *flags)))
            self._passed += _through(self._steps[index + 1 :], ended)
        self._cut(place)

    def _cut(self, end: int) -> None:
        """Emit the passed messages, unless one of them reaches beyond the start of a held one."""
        starts = [start for step in self._steps if (start := step.held_from) is not None]
        place = min(starts, default=end)
        if any(message.end > place for message in self._passed):
            return
        self._base = place
        if self._passed:
            for message in sorted(self._passed, key=_start):
                self._emitter.emit(message)
            self._passed = []
            self._cuts.append(place)


def _start(message: Message) -> int:
    return message.start


def _through(steps: Sequence[Step], messages: Sequence[Message]) -> Sequence[Message]:
    for step in steps:
        messages = [passed for message in messages for passed in step.feed(message)]
    return messages
