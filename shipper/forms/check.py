"""Is every line of a block one strict JSON object? Asked of the whole block, in C.

A line is a strict JSON object in UTF-8, nothing before or after it, and it is never decoded into
Python objects. simdjson parses it in half to three quarters of the time in which msgspec skips it;
msgspec is for where that is not installed. The slow way, line by line, is for the blocks that do
not pass, and says what is wrong with which line.
"""

import codecs
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import accumulate
from operator import sub
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shipper.lines import Lines

_OPENING, _QUOTE, _CLOSING = b'{"}'
_SPACE = b" \t\r"
_NUL = b"\0"

#: May begin a file in UTF-8, and is no part of its text.
BOM = b"\xef\xbb\xbf"

_raw = msgspec.json.Decoder(msgspec.Raw)
_decoder = codecs.getincrementaldecoder("utf-8")

#: In a smaller block simdjson does not save what it takes to load it.
_BACKLOG_BYTES = 256 << 10
#: Of shorter lines msgspec looks at more in the same time; the first one speaks for the others.
_SHORT_BYTES = 256
#: For longer lines its parser would need megabytes: fourteen times the line.
_SIMD_LINE_BYTES = 64 << 10

#: A longer line is checked in parts.
_LONG_BYTES = 1 << 20

#: How much of a line over the limit a dead letter keeps.
EXCERPT_BYTES = 1024


class Reject(Struct, frozen=True):
    """A line that will never be delivered, its place, and the reason."""

    line: bytes
    offset: int
    reason: str
    #: Of the complete line, if `line` is only its beginning.
    length: int | None = None
    sha256: str | None = None


class Sifted(Struct, frozen=True):
    """The lines of a block that can be sent, and those that cannot."""

    lines: Lines
    #: Where each line starts in the file; None if `lines` is the block itself.
    offsets: Sequence[int] | None = None
    rejects: Sequence[Reject] = ()
    #: Bytes at the end that are not complete yet; the next block starts with them.
    waiting_bytes: int = 0
    #: Where each line starts that the operator filters out.
    filtered: Sequence[int] = ()
    #: A record of each line that is sent without its end.
    truncated: Sequence[Reject] = ()
    #: Where the file can be split, in order; None: before every line.
    cuts: Sequence[int] | None = None
    #: Whether each line is a sealed event of an audit stream; empty if none is.
    sealed: Sequence[bool] = ()
    #: If each line follows the one before: the hash before the first, and those of the lines.
    chain: bytes = b""

    def places(self, base: int) -> Sequence[int]:
        """Where each line starts in the file, if the block starts at `base`."""
        if self.offsets is not None:
            return self.offsets
        return [base + start for start in self.lines.starts()]

    def is_sealed(self, index: int) -> bool:
        """Whether the line at that index is a sealed event of an audit stream."""
        return bool(self.sealed) and self.sealed[index]


def sift(block: bytes, offset: int, max_line_bytes: int) -> Sifted:
    """Separate the good lines of `block`, which ends with a newline, from the bad ones."""
    if (lines := short_lines(block, max_line_bytes)) is not None:
        return Sifted(lines)
    return _sift_slowly(block.split(b"\n")[:-1], offset, max_line_bytes)


def short_lines(block: bytes, max_line_bytes: int) -> Lines | None:
    """As `clean_lines`, but also None if a line is over the limit."""
    lines = clean_lines(block)
    is_short = len(block) <= max_line_bytes or (lines and _longest(lines) <= max_line_bytes)
    return lines if is_short else None


def clean_lines(block: bytes) -> Lines | None:
    """The lines of `block` if each is exactly one strict JSON object; otherwise None."""
    if not block.endswith(b"}\n"):
        return None
    is_backlog = len(block) >= _BACKLOG_BYTES and block.index(b"\n") >= _SHORT_BYTES
    if is_backlog and (lines := _lines(block, _sizes_by_simdjson(block))):
        return replace(lines, is_usual=True)
    return _lines(block, _sizes_by_msgspec(block))


def _lines(block: bytes, sizes: Iterable[int]) -> Lines | None:
    """The lines of these sizes; None if they do not fill the block, so that a line is missing."""
    _, *ends = accumulate(sizes, initial=-1)
    return Lines(block, ends) if ends and ends[-1] == len(block) - 1 else None


def _sizes_by_simdjson(block: bytes) -> Sequence[int]:
    """The sizes of the lines of the form {"…}, newlines included; nothing if one is not JSON.

    What it takes, msgspec takes too; not the other way round (numbers beyond 64 bits).
    """
    if (make := _simdjson()) is None:
        return ()
    parse = make(_SIMD_LINE_BYTES).parse
    try:
        # Cut and let go one by one, the lines stay in the processor's nearest cache.
        return [
            len(line)
            for line in BytesIO(block)
            if line[0] == _OPENING
            and line[1] == _QUOTE
            and line[-2] == _CLOSING
            and parse(line) is not None
        ]
    except (ValueError, RuntimeError):
        return ()


def _sizes_by_msgspec(block: bytes) -> Sequence[int]:
    """The sizes of the lines of the form {…}; empty if one of them is not JSON.

    `decode_lines` decodes the block in one call: it returns the values and skips white space
    between them. If every line has the form {…} and there are as many values as lines, then each
    line is one value. Proof: each newline follows a closing brace, and an opening brace or the end
    of the block follows it. Inside a value this is impossible, because a closing brace is followed
    by a comma or another closing bracket, and a string contains no newline. So every newline is
    between two values, every line has at least one value, and therefore exactly one, which fills
    the line.
    """
    try:
        # msgspec does not check the UTF-8 of strings that it skips. Few lines have other characters
        # than ASCII; decoding only those takes half as long as decoding the block. They can be
        # decoded one by one, because a newline is never a part of a longer character.
        sizes = [
            len(line)
            for line in BytesIO(block)
            if line[0] == _OPENING and line[-2] == _CLOSING and (line.isascii() or _is_utf_8(line))
        ]
        values = _raw.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return sizes if len(values) == len(sizes) else ()


@cache
def _simdjson() -> Callable[[int], Any] | None:
    """What makes a parser for lines of so many bytes, where it is installed."""
    try:
        from cysimdjson import JSONParser
    except ImportError:
        return None
    parser: Callable[[int], Any] = JSONParser
    return parser


def _longest(lines: Lines) -> int:
    longest: int = max(map(sub, lines.ends, lines.starts()))
    return longest


def _sift_slowly(lines: Sequence[bytes], offset: int, max_line_bytes: int) -> Sifted:
    """Check line by line: skip blank lines, and strip white space around the others."""
    good: list[bytes] = []
    offsets: list[int] = []
    rejects: list[Reject] = []
    for raw in lines:
        line = _after_hole(raw)
        offset += len(raw) - len(line)
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
    return Sifted(Lines.of(good), offsets, rejects)


def _after_hole(line: bytes) -> bytes:
    """The line without the NULs before an object, where the file has a hole."""
    text = line.lstrip(_NUL)
    return text if text.startswith(b"{") else line


def fault(line: bytes) -> str | None:
    """Why `line` is not one strict JSON object; None if it is."""
    try:
        _is_utf_8(line)
        _raw.decode(line)
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start}"
    except msgspec.DecodeError as error:
        return f"not JSON: {error}"
    except RecursionError:
        return "nested too deep"
    return None if line.startswith(b"{") else "not a JSON object"


def _is_utf_8(line: bytes) -> bool:
    """True; raises `UnicodeDecodeError` if it is not UTF-8."""
    if len(line) <= _LONG_BYTES:
        return str(line, "utf-8") is not None
    # Of a long line the text would take up to four times as many bytes.
    decoder = _decoder()
    for start in range(0, len(line), _LONG_BYTES):
        part = line[start : start + _LONG_BYTES]
        try:
            decoder.decode(part, final=start + len(part) == len(line))
        except UnicodeDecodeError as error:
            at = start + error.start - (len(error.object) - len(part))
            raise UnicodeDecodeError("utf-8", line, at, at + 1, error.reason) from None
    return True


def over_long(
    excerpt: bytes,
    offset: int,
    length: int,
    digest: str,
    max_bytes: int,
    *,
    is_encoded: bool = False,
) -> Reject:
    """The reject of a line that is longer than `max_bytes`, as it is or `is_encoded` as JSON.

    Only its beginning is kept.
    """
    what = "longer as JSON than" if is_encoded else "over"
    reason = f"{length} bytes long, {what} the limit of {max_bytes} (message_max_bytes)"
    return Reject(excerpt, offset, reason, length, digest)
