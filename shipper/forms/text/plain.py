"""Blocks of short lines of text, as most logs are: their events differ in offset and text alone."""

from collections.abc import Iterator, Mapping
from itertools import accumulate, compress

import msgspec

from shipper.forms.base import NUL, Block
from shipper.forms.check import BOM, Sifted
from shipper.forms.search import has
from shipper.forms.text.bounded import PIECE_BYTES
from shipper.forms.text.event import Origin
from shipper.lines import Lines

_encode = msgspec.json.Encoder().encode
_SPACE = b" \t\r"
#: A NUL in JSON, which stands between two lines while several are encoded at once.
_ENCODED_NUL = b"\\u0000"
#: Encoded at once: a block may have 16 MiB, which its text and JSON would hold several times.
_AT_ONCE_BYTES = 4 * PIECE_BYTES


def plain(
    block: Block, max_bytes: int, path: str, common: Mapping[str, object], *, takes_objects: bool
) -> Sifted | None:
    """The events of a block of short lines of text; None if one of its lines is anything else.

    `path` and `common` are those of `Origin`, and objects are text only with `takes_objects`.
    """
    data = block.data
    if not data or block.is_unended or block.is_continued or block.follows_hole:
        return None
    if NUL in data or has(data, _ENCODED_NUL):
        return None
    lines = data.split(b"\n")[:-1]
    sizes = [len(line) + 1 for line in lines]
    if max(sizes) > min(max_bytes, PIECE_BYTES):
        return None
    if not block.offset:
        data, lines[0] = data.removeprefix(BOM), lines[0].removeprefix(BOM)
    bare = [line.strip(_SPACE) for line in lines]
    if not takes_objects and b"{" in data and any(line.startswith(b"{") for line in bare):
        return None
    starts = [*compress(accumulate(sizes[:-1], initial=block.offset), bare)]
    template = Origin(path, common).template()
    events = map(template.__mod__, zip(starts, compress(_encoded(data), bare), strict=True))
    try:
        return Sifted(Lines.of(events), starts)
    except UnicodeDecodeError:
        return None


def _encoded(data: bytes) -> Iterator[bytes]:
    """Each line as JSON, without its quotes."""
    start = 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + _AT_ONCE_BYTES)
        text = str(data[start:end], "utf-8")
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        yield from _encode(text.replace("\n", "\0"))[1:-1].split(_ENCODED_NUL)
        start = end + 1
