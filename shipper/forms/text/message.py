"""Messages, which become events, and the parsers that they pass through."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from shipper.forms.check import Reject

#: The event is incomplete; the rest follows as another event.
PARTIAL = "partial"
#: The event continues one that ended with `PARTIAL`.
CONTINUED = "continued"
#: The end of the event's line is missing, and no other event has it.
TRUNCATED = "truncated"
#: The event has several lines.
MULTILINE = "multiline"
#: Bytes that are not text in the file's encoding were replaced.
REPLACED = "replaced"
#: NULs before the line, where the file has a hole, were passed over.
HOLE = "hole"


#: Reads what precedes a block (`Block.earlier`).
Earlier = Callable[[], tuple[bytes, bytes]]


class Message(Struct):
    """One raw line, or several that were joined."""

    #: Without its newline; UTF-8, unless the line had invalid bytes.
    text: bytes
    #: The part of the file that it was read from.
    start: int
    end: int
    flags: tuple[str, ...] = ()
    #: When it was written, if the line says so.
    timestamp: str | None = None
    #: `stdout` or `stderr`, if the line says so.
    stream: str | None = None
    #: A fault of the line: its kind, and a description.
    error: tuple[str, str] | None = None
    #: A record of the line, if it is sent without its end.
    truncated: Reject | None = None
    #: Whether the operator filters it out.
    is_dropped: bool = False


class Step(Protocol):
    """A parser at work on one block; it may hold messages back until more lines follow."""

    @property
    def held_from(self) -> int | None:
        """The start of the earliest raw line that is held back; None if there is none."""
        ...

    def feed(self, message: Message) -> Sequence[Message]:
        """Take the next message; return the messages that are complete now."""
        ...

    def end(self) -> Sequence[Message]:
        """Return the messages held back, because nothing will follow them."""
        ...


class Parser(Protocol):
    """One entry of `parsers`; only the steps that it makes have state."""

    @property
    def timeout_s(self) -> float | None:
        """How long a message held back at the end of a file waits for more."""
        ...

    def step(self, max_bytes: int, earlier: Earlier, /) -> Step:
        """A step for one block, which holds nothing back yet; no message exceeds `max_bytes`.

        `earlier` is that of the block.
        """
        ...
