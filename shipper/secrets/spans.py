"""Parts of a text, and their replacement by tokens."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text that is to be replaced."""

    start: int
    end: int
    token: str


def replaced(text: str, spans: Iterable[Span]) -> tuple[str, int]:
    """The text with a token for each span, and the number of spans; spans come in order."""
    pieces, at = [], 0
    count = 0
    for span in spans:
        pieces += [text[at : span.start], span.token]
        at = span.end
        count += 1
    return "".join(pieces) + text[at:], count
