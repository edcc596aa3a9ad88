"""Is every line of a block one strict JSON object? Asked of the whole block, in C.

A line is a strict JSON object in UTF-8, nothing before or after it, and it is never decoded into
Python objects. The sweep over a block costs about half of asking line by line; the line by line
way is for the blocks that do not pass and says what is wrong with which line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter

import msgspec

_BRACE = ord("{")
_SPACE = b" \t\r"

_raw = msgspec.json.Decoder(msgspec.Raw)
_first = itemgetter(0)

#: How much of a line over the limit the dead letters keep.
EXCERPT_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that will never be delivered, where it was, and why."""

    line: bytes
    offset: int
    reason: str
    #: Of the whole line, when `line` is only its beginning.
    length: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Sifted:
    """The lines of a block that can be sent, and those that cannot."""

    lines: list[bytes]
    #: Where each line starts; None: one after the other, nothing in between.
    offsets: list[int] | None = None
    rejects: Sequence[Reject] = ()


def sift(block: bytes, lines: list[bytes], offset: int, max_line_bytes: int) -> Sifted:
    """Part the good ones of `lines`, the newline-ended lines of `block`, from the bad ones."""
    is_short = len(block) <= max_line_bytes or max(map(len, lines)) <= max_line_bytes
    if is_short and is_clean(block, lines):
        return Sifted(lines)
    return _sift_slowly(lines, offset, max_line_bytes)


def is_clean(block: bytes, lines: Sequence[bytes]) -> bool:
    """Whether each of `lines`, the newline-ended lines of `block`, is one strict JSON object.

    The decoder yields the values of the block one after the other, and skips white space between
    them. Every line begins with a brace, so the first value begins where the first line does; it
    has the first line's length, so it is the first line. What follows is a newline and then the
    next line's brace: by induction every value is exactly its line.
    """
    try:
        if not block.isascii():
            str(block, "utf-8")  # the decoder does not look inside strings that it skips
        values = _raw.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    is_each = list(map(len, values)) == list(map(len, lines))
    return is_each and set(map(_first, lines)) <= {_BRACE}


def _sift_slowly(lines: Sequence[bytes], offset: int, max_line_bytes: int) -> Sifted:
    """Line by line: blank ones vanish, white space around one is cut."""
    good: list[bytes] = []
    offsets: list[int] = []
    rejects: list[Reject] = []
    for line in lines:
        stripped = line.strip(_SPACE)
        if len(line) > max_line_bytes:
            digest = sha256(line).hexdigest()
            excerpt = line[:EXCERPT_BYTES]
            rejects.append(over_long(excerpt, offset, len(line), digest, max_line_bytes))
        elif stripped and (reason := fault(stripped)):
            rejects.append(Reject(line, offset, reason))
        elif stripped:
            good.append(stripped)
            offsets.append(offset)
        offset += len(line) + 1
    return Sifted(good, offsets, rejects)


def fault(line: bytes) -> str | None:
    """Why `line` is not one strict JSON object; None if it is."""
    try:
        str(line, "utf-8")
        _raw.decode(line)
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start}"
    except msgspec.DecodeError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return "nested too deep"
    return None if line.startswith(b"{") else "not a JSON object"


def over_long(excerpt: bytes, offset: int, length: int, digest: str, max_bytes: int) -> Reject:
    """The reject of a line that is longer than `max_bytes`; only its beginning is kept."""
    reason = f"{length} bytes long, over the limit of {max_bytes} (max_line_bytes)"
    return Reject(excerpt, offset, reason, length, digest)
