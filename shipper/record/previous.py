"""The audit stream before this one in a directory: what a new stream's first line names."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shipper.record.format import UNREADABLE, Previous, sequence_of, streams_in
from shipper.record.seal import unseal

#: More than any line has.
_MAX_TAIL = 2 << 20
#: Streams without a complete line that are passed over.
_MAX_STREAMS = 100
_STREAM = re.compile(r"[0-9a-f]{12}-[0-9a-f]{16}")
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def previous_stream(directory: Path, stream: str) -> Previous | None:
    """The latest stream before `stream` that has a line; None if there is none to be read."""
    with suppress(OSError):
        return next(_earlier(directory, stream), None)
    return None


def _earlier(directory: Path, stream: str) -> Iterator[Previous]:
    found = streams_in(directory)
    earlier = sorted(
        (one for one in found if one < stream and _STREAM.fullmatch(one)), reverse=True
    )
    for one in earlier[:_MAX_STREAMS]:
        for path in reversed(found[one]):
            if last := _last_of(path, one):
                yield last


def _last_of(path: Path, stream: str) -> Previous | None:
    try:
        line = _last_line(path)
        sealed = unseal(line)
        return Previous(stream, sequence_of(line), sealed[1]) if sealed else None
    except (OSError, *UNREADABLE):
        return None


def _last_line(path: Path) -> bytes:
    """The last complete line of a regular file, without its newline; empty if there is none."""
    file = os.open(path, _FLAGS)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            return b""
        tail = os.pread(file, _MAX_TAIL, max(0, found.st_size - _MAX_TAIL))
    finally:
        os.close(file)
    return tail[: tail.rfind(b"\n") + 1].removesuffix(b"\n").rpartition(b"\n")[2]
