"""The files of a record: which segment each one holds, and the checkpoints in them."""

import errno
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG

import msgspec
from msgspec import Struct

from shipper.evidence.blocks import Damaged, blocks
from shipper.record.format import UNREADABLE, Segment, parse_segment_start, segment_named, stream_of

#: Only streams of the product itself hold checkpoints. An application that has the same name costs
#: a second reading: a checkpoint counts by its signature, not by its place.
_OWN = b'"service":{"name":"mcp-shipper"'
_NOTE = b'"note":"'
_GZIP_SUFFIX = ".gz"


class File(Struct, frozen=True, order=True):
    """A file, and the segment that it holds."""

    stream: str
    number: int
    path: Path
    size: int
    #: Whether it may hold checkpoints.
    is_own: bool


def files_of(paths: Iterable[Path]) -> list[File]:
    """The segments at these paths, below directories too, by stream and number.

    Raises `OSError` where a path cannot be read.
    """
    found = {path.resolve(): path for one in paths for path in _below(one)}
    return sorted(_file(path) for path in found.values())


def _below(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not S_ISREG(path.stat().st_mode):  # reading a FIFO could wait for ever
            raise OSError(errno.EINVAL, "is not a regular file", str(path))
        yield path
        return
    for one in sorted(path.rglob("*.jsonl*")):
        if one.is_file() and segment_named(one.name.removesuffix(_GZIP_SUFFIX)):
            yield one


def _file(path: Path) -> File:
    line = _first_line(path)
    named = segment_named(path.name.removesuffix(_GZIP_SUFFIX))
    start = parse_segment_start(line)
    stated = start.segment if start else Segment(stream_of(line) or path.name, 0)
    segment = named or stated
    return File(segment.stream, segment.number, path, path.stat().st_size, _OWN in line)


def _first_line(path: Path) -> bytes:
    try:
        return next(blocks(path), b"").partition(b"\n")[0]
    except Damaged:
        return b""


class _Checkpoint(Struct):
    note: str


class _Audit(Struct):
    checkpoint: _Checkpoint


class _Mcp(Struct):
    audit: _Audit


class _Line(Struct):
    mcp: _Mcp


_decode = msgspec.json.Decoder(_Line).decode


def _notes_in(blocks_: Iterable[bytes]) -> Iterator[str]:
    """The notes of the checkpoint events in these lines."""
    for block in blocks_:
        if _NOTE in block:
            yield from filter(None, map(_note, block.split(b"\n")))


def _note(line: bytes) -> str | None:
    if _NOTE not in line:
        return None
    try:
        return _decode(line).mcp.audit.checkpoint.note
    except UNREADABLE:
        return None


def notes_of_file(path: Path) -> list[str]:
    """The notes of the checkpoint events in a file."""
    found: list[str] = []
    with suppress(Damaged):
        found.extend(_notes_in(blocks(path)))
    return found
