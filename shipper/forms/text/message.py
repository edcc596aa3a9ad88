"""A message: what a raw line says, on its way to an event, and the steps on that way."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from shipper.forms.check import Reject

#: The event ends before what it is of does; the rest follows in an event of its own.
PARTIAL = "partial"
#: The event begins where another one ended with `PARTIAL`.
CONTINUED = "continued"
#: The event lacks the end of its line, which is nowhere else.
TRUNCATED = "truncated"
#: The event is of several lines.
MULTILINE = "multiline"
#: Bytes that are no text in the file's encoding are replaced.
REPLACED = "replaced"


class Message(Struct):
    """One raw line, or several that became one."""

    #: UTF-8 as far as the line was; without newline.
    text: bytes
    #: The part of the file that it is made of.
    start: int
    end: int
    flags: tuple[str, ...] = ()
    #: When it was written, where the line says so.
    timestamp: str | None = None
    #: `stdout` or `stderr`, where the line says so.
    stream: str | None = None
    #: What was wrong with it: the kind, and in words.
    error: tuple[str, str] | None = None
    #: The record of a line that is sent without its end.
    truncated: Reject | None = None
    #: Whether the operator does not want it.
    is_dropped: bool = False


class Step(Protocol):
    """One parser at work on one block; what it holds back begins at `held`."""

    @property
    def held(self) -> int | None:
        """Where the earliest raw line starts that is not given on; None if there is none."""
        ...

    def feed(self, message: Message) -> Sequence[Message]:
        """Take the next message; what can be given on now."""
        ...

    def end(self) -> Sequence[Message]:
        """What is held, as nothing will follow it."""
        ...


class Parser(Protocol):
    """One entry of `parsers`; has no state but in the steps that it makes."""

    @property
    def timeout_s(self) -> float | None:
        """How long what it holds back waits for more, at the end of a file."""
        ...

    def step(self, max_bytes: int, /) -> Step:
        """Begin anew: at the start of a block nothing is held. No message exceeds `max_bytes`."""
        ...
