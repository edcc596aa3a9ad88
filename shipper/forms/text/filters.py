"""Which messages the operator wants, by regular expressions."""

import re
from collections.abc import Sequence

from msgspec import Struct

from shipper.forms.text.message import Message, Step


def as_text(data: bytes) -> str:
    """For looking at: what is not UTF-8 becomes U+FFFD."""
    return str(data, "utf-8", "replace")


def matches_any(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    """Whether one of them is found anywhere in `text`."""
    return any(pattern.search(text) for pattern in patterns)


class IncludeMessage(Struct, frozen=True):
    """The parser `include_message`: what no pattern is found in goes no further."""

    patterns: tuple[re.Pattern[str], ...]

    def step(self, _max_bytes: int) -> Step:
        """It holds nothing, so it is its own step."""
        return self

    @property
    def timeout_s(self) -> None:
        return None

    @property
    def held(self) -> None:
        return None

    def feed(self, message: Message) -> Sequence[Message]:
        if not matches_any(self.patterns, as_text(message.text)):
            message.is_dropped = True
        return (message,)

    def end(self) -> Sequence[Message]:
        return ()
