"""The check of a chain as one SQL statement, for a record that is too large for one process.

The hash of a line covers all lines before it. So a stream is as it was signed if each line follows
from the one before, and the line at the size of a checkpoint has the hash that the tiles hold.
"""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from shipper.errors import ShipperError
from shipper.evidence.collect import files_of, notes_of_file
from shipper.evidence.signed import notes_by_stream
from shipper.evidence.verify import Trust, notes_of
from shipper.wire.tlog import TILE_WIDTH


class _Head(Struct, frozen=True):
    """What is signed of a stream: how many events, the hash of the last, and how many are gone."""

    stream: str
    size: int
    hash: str
    pruned: int


def statement(paths: Sequence[Path], trust: Trust) -> str:
    """The statement for DuckDB about the segments at these paths, archives included.

    Only checkpoints that a key of the policy signed are in it. Raises `OSError` where a path
    cannot be read.
    """
    named = [str(file.path) for file in files_of(paths)]
    if not named:
        raise ShipperError("no segments of audit streams are found")
    heads = list(_heads(paths, trust)) or [_Head("", 0, "", 0)]
    text = files("shipper.evidence").joinpath("duckdb.sql").read_text(encoding="utf-8")
    rows = (f"({_text(one.stream)}, {one.size}, '{one.hash}', {one.pruned})" for one in heads)
    text = text.replace("'$paths'", "[" + ",\n    ".join(map(_text, named)) + "]")
    return text.replace("('$stream', 0, '$hash', 0)", ",\n    ".join(rows))


def _heads(paths: Sequence[Path], trust: Trust) -> Iterator[_Head]:
    found = files_of(paths)
    stated = notes_by_stream(
        note for file in found if file.is_own for note in notes_of_file(file.path)
    )
    for stream in dict.fromkeys(file.stream for file in found):
        notes = notes_of(stream, trust, stated.get(stream, ()))
        if notes.size and (entry := _entry(stream, notes.size, trust)):
            yield _Head(stream, notes.size, entry.hex(), max(notes.pruned, default=0))


def _entry(stream: str, size: int, trust: Trust) -> bytes | None:
    """The hash of the last event of a tree; None if its tiles are not here."""
    if trust.store is None:
        return None
    try:
        entries = trust.store.stream(stream).entries((size - 1) // TILE_WIDTH, size)
    except FileNotFoundError:
        return None
    return entries[(size - 1) % TILE_WIDTH]


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
