"""Blocks of short lines of text, as most logs are: their events differ in offset and text alone."""

from collections.abc import Mapping
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
#: A NUL in JSON, which stands between two lines while all of them are encoded at once.
_ENCODED_NUL = b"\\u0000"


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
    try:
        texts = _encoded(data)
    except UnicodeDecodeError:
        return None
    starts = [*accumulate(sizes[:-1], initial=block.offset)]
    if not all(bare):
        starts, texts = [*compress(starts, bare)], [*compress(texts, bare)]
    template = Origin(path, common).template()
    return Sifted(Lines.of(map(template.__mod__, zip(starts, texts, strict=True))), starts)


def _encoded(data: bytes) -> list[bytes]:
    """Each line as JSON, without its quotes."""
    text = str(data[:-1], "utf-8")
    if "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    return _encode(text.replace("\n", "\0"))[1:-1].split(_ENCODED_NUL)
