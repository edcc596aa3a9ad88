"""Regular expressions that choose which messages are sent."""

from collections.abc import Sequence

from msgspec import Struct

from shipper.forms.text.message import Earlier, Message, Step
from shipper.patterns import Pattern


def as_text(data: bytes) -> str:
    """The text that patterns search; bytes that are not UTF-8 become U+FFFD."""
    return str(data, "utf-8", "replace")


def matches_any(patterns: Sequence[Pattern], text: str) -> bool:
    """Whether one of the patterns matches anywhere in `text`."""
    return any(pattern.search(text) for pattern in patterns)


class IncludeMessage(Struct, frozen=True):
    """The parser `include_message`: drops messages that none of its patterns matches."""

    patterns: tuple[Pattern, ...]

    def step(self, _max_bytes: int, _earlier: Earlier) -> Step:
        """The parser itself, because it keeps no state."""
        return self

    @property
    def timeout_s(self) -> None:
        return None

    @property
    def held_from(self) -> None:
        return None

    def feed(self, message: Message) -> Sequence[Message]:
        if not matches_any(self.patterns, as_text(message.text)):
            message.is_dropped = True
        return (message,)

    def end(self) -> Sequence[Message]:
        return ()
