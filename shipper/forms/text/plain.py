"""Blocks of short lines of text, as most logs are: their events differ in offset and text alone."""

from collections.abc import Mapping
from itertools import accumulate

import msgspec

from shipper.forms.base import NUL, Block
from shipper.forms.check import BOM, Sifted
from shipper.forms.text.bounded import PIECE_BYTES
from shipper.forms.text.event import Origin
from shipper.lines import Lines

_encode = msgspec.json.Encoder().encode
_OPENING = b"{"
_SPACE = b" \t\r"


def plain(
    block: Block, max_bytes: int, path: str, common: Mapping[str, object], *, takes_objects: bool
) -> Sifted | None:
    """The events of a block of short lines of text; None if one of its lines is anything else.

    `path` and `common` are those of `Origin`, and objects are text only with `takes_objects`.
    """
    if (
        not block.data
        or block.is_unended
        or block.is_continued
        or block.follows_hole
        or NUL in block.data
    ):
        return None
    lines = block.data.split(b"\n")[:-1]
    starts = [*accumulate((len(line) + 1 for line in lines), initial=block.offset)]
    if not block.offset:
        lines[0] = lines[0].removeprefix(BOM)
    if max(map(len, lines)) > min(max_bytes, PIECE_BYTES):
        return None
    if not takes_objects and any(line.lstrip(_SPACE).startswith(_OPENING) for line in lines):
        return None
    found = [(at, line) for at, line in zip(starts, lines, strict=False) if line.strip(_SPACE)]
    template = Origin(path, common).template()
    try:
        events = [template % (at, _encode(_text(line))) for at, line in found]
    except UnicodeDecodeError:
        return None
    return Sifted(Lines.of(events), [at for at, _ in found])


def _text(line: bytes) -> str:
    return str(line.removesuffix(b"\r"), "utf-8")
