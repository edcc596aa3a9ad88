"""The lines of a file in blocks, unpacked if it is a gzip archive."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

_BLOCK_BYTES = 1 << 16
#: More than any line has. A file without newlines must not fill the memory.
_MAX_LINE_BYTES = 16 << 20
_GZIP = b"\x1f\x8b"


class Damaged(Exception):  # a finding, not a failure: the rest of the record is verified
    """The rest of the file cannot be read; the argument says why."""


def blocks(path: Path, progress: Callable[[int], object] = int) -> Iterator[bytes]:
    """Complete lines in blocks, and after them what follows the last newline, if anything.

    `progress` is called with how many bytes were read from the disk. Raises `Damaged` behind the
    last block where an archive is not complete, or a line has no end.
    """
    with path.open("rb") as raw:
        if raw.peek(2)[:2] != _GZIP:
            yield from _blocks(raw, raw, progress)
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield from _blocks(cast("BinaryIO", file), raw, progress)


def _blocks(file: BinaryIO, raw: BinaryIO, progress: Callable[[int], object]) -> Iterator[bytes]:
    at = 0
    while data := _read(file, _BLOCK_BYTES):
        rest = b"" if data.endswith(b"\n") else _line(file)
        at, before = raw.tell(), at
        progress(at - before)
        if rest.endswith(b"\n"):
            yield b"".join((data, rest))
        elif not rest and data.endswith(b"\n"):
            yield data
        else:
            yield from _torn(data, rest)


def _torn(data: bytes, rest: bytes) -> Iterator[bytes]:
    """A block whose last line has no end."""
    end = data.rfind(b"\n") + 1
    if end:
        yield data[:end]
    if len(data) - end + len(rest) > _MAX_LINE_BYTES:
        raise Damaged(f"a line is longer than {_MAX_LINE_BYTES} bytes")
    yield data[end:] + rest


def _line(file: BinaryIO) -> bytes:
    """The rest of a line; without its end if the file ends, or the line is too long."""
    parts, size = list[bytes](), 0
    while size <= _MAX_LINE_BYTES and (part := _read_line(file)):
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)


def _read(file: BinaryIO, size: int) -> bytes:
    return _guarded(lambda: file.read(size))


def _read_line(file: BinaryIO) -> bytes:
    return _guarded(lambda: file.readline(_BLOCK_BYTES))


def _guarded(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged(f"the archive is damaged: {error}") from error
