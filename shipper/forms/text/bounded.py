"""A long text as a JSON string, without the memory of several copies, and never over a limit.

In JSON a control character takes six bytes, a byte that is not UTF-8 three, and in Python's own
text every character takes four if one of them is an emoji.
"""

import codecs
from typing import NamedTuple

import msgspec

#: Encoded at once; a shorter text is not long.
PIECE_BYTES = 16 << 10
#: A text whose JSON is no longer than this is never cut for it.
_LEAST_BYTES = 1 << 20

_REPLACEMENT = "\ufffd"

_encode = msgspec.json.Encoder().encode
_decoder = codecs.getincrementaldecoder("utf-8")


class Bounded(NamedTuple):
    """A text as JSON."""

    json: bytes
    #: How many bytes of the text are in it.
    used: int
    #: Whether bytes that are not UTF-8 were replaced.
    is_replaced: bool


def bounded_json(text: bytes, max_bytes: int) -> Bounded:
    """The text, or as much of it as JSON of `max_bytes` can hold, to a piece."""
    decoder = _decoder("replace")
    pieces: list[bytes] = [b'"']
    room, used, replacements = max(max_bytes, _LEAST_BYTES), 0, 0
    while used < len(text):
        part = text[used : used + PIECE_BYTES]
        is_last = used + len(part) == len(text)
        decoded = decoder.decode(part, final=is_last)
        piece = _encode(decoded)[1:-1]
        if len(piece) > room:
            break
        pieces.append(piece)
        room -= len(piece)
        used += len(part)
        replacements += decoded.count(_REPLACEMENT)
    pieces.append(b'"')
    own = text.count(_REPLACEMENT.encode(), 0, used)
    return Bounded(b"".join(pieces), used, replacements > own)
