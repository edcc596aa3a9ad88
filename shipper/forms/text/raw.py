"""Raw lines become messages: converted to UTF-8, and cut if they are over-long."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate

from shipper.forms.base import NUL, Block, OverLong
from shipper.forms.check import BOM, EXCERPT_BYTES, over_long
from shipper.forms.text.message import CONTINUED, HOLE, PARTIAL, REPLACED, TRUNCATED, Message

UTF_8 = "utf-8"


def lines_of(block: Block, max_bytes: int, encoding: str) -> Iterator[Message]:
    """The raw lines of a block, as messages of at most `max_bytes`."""
    *lines, _ = block.data.split(b"\n")
    starts = accumulate((len(line) + 1 for line in lines), initial=block.offset)
    last = len(lines) - 1
    for index, (raw, raw_start) in enumerate(zip(lines, starts, strict=False)):
        line = raw.lstrip(NUL)
        start = raw_start + len(raw) - len(line)
        if len(line) <= max_bytes:
            message = _message(line, start, start + len(line) + 1, encoding)
        else:
            digest = sha256(line).hexdigest()
            cut = OverLong(line[:max_bytes], start, block.path, max_bytes, len(line), digest)
            message = shortened(cut, encoding)
        if start > raw_start or (index == 0 and block.follows_hole):
            message.flags += (HOLE,)
        if index == 0 and block.is_continued:
            message.flags += (CONTINUED,)
        if index == last and block.is_unended:
            message.flags += (PARTIAL,)
        yield message


def shortened(line: OverLong, encoding: str) -> Message:
    """The message of an over-long line: the part that fits, and a record of the line."""
    head, start, limit = line.head, line.offset, line.max_line_bytes
    message = _message(head, start, start + line.length + 1, encoding)
    message.truncated = over_long(head[:EXCERPT_BYTES], start, line.length, line.sha256, limit)
    message.flags += (TRUNCATED,)
    return message


def _message(line: bytes, start: int, end: int, encoding: str) -> Message:
    line = line.removesuffix(b"\r")
    if encoding == UTF_8:  # invalid bytes are replaced when the event is made
        return Message(line if start else line.removeprefix(BOM), start, end)
    try:
        return Message(line.decode(encoding).encode(), start, end)
    except UnicodeDecodeError:
        return Message(line.decode(encoding, "replace").encode(), start, end, (REPLACED,))
