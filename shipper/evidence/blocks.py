"""The lines of a file in blocks, unpacked if it is a gzip archive."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

_BLOCK_BYTES = 1 << 20
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
    rest, at = b"", 0
    while data := _read(file):
        at, before = raw.tell(), at
        progress(at - before)
        end = data.rfind(b"\n") + 1
        if end:
            yield rest + data[:end]
            rest = data[end:]
        else:
            rest += data
        if len(rest) > _MAX_LINE_BYTES:
            raise Damaged(f"a line is longer than {_MAX_LINE_BYTES} bytes")
    if rest:
        yield rest


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_BLOCK_BYTES)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Damaged(f"the archive is damaged: {error}") from error
