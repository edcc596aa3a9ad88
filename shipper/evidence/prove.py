"""Proofs of single events, and the tiles of complete streams, for programs of others."""

import re
import shutil
from functools import partial
from pathlib import Path

from shipper.errors import ShipperError
from shipper.evidence.store import (
    CHECKPOINT,
    PRUNED,
    STAMP,
    STAMPED,
    WITNESSED,
    Store,
    StreamStore,
    all_tiles,
)
from shipper.wire.note import Note, parse_note
from shipper.wire.tlog import TILE_WIDTH, inclusion_proof, proof_text

_EVENT_ID = re.compile(r"([A-Za-z0-9_-]+)-([1-9][0-9]{0,18})")


class Proof(ShipperError):
    """No proof can be made; the message says why."""


def prove(store: Store, event_id: str) -> tuple[str, bytes]:
    """The proof file of one event (C2SP tlog-proof), and the hash that the event must have."""
    found = _EVENT_ID.fullmatch(event_id)
    if not found:
        raise Proof(f"{event_id!r} is not an event.id, such as 01a22ab2ff6f-bd99b83059d93d50-2")
    stream, index = store.stream(found[1]), int(found[2]) - 1
    note = latest_note(stream)
    size = note.checkpoint.size
    if index >= size:
        raise Proof(f"{event_id} is not signed yet: the checkpoint covers {size} events")
    shown = _witnessed(stream, index, size) or note
    read = partial(stream.node, size=size)  # its complete subtrees are those of smaller trees too
    path = inclusion_proof(index, shown.checkpoint.size, read)
    entry = stream.entries(index // TILE_WIDTH, size)[index % TILE_WIDTH]
    return proof_text(index, path, str(shown)), entry


def _witnessed(stream: StreamStore, index: int, size: int) -> Note | None:
    """The checkpoint with the lines of witnesses, if it covers the event."""
    note = kept_note(stream, WITNESSED)
    return note if note and index < note.checkpoint.size <= size else None


def latest_note(stream: StreamStore) -> Note:
    """The latest checkpoint of a stream; raises `Proof` if there is none."""
    text = stream.text(CHECKPOINT)
    if text is None:
        raise Proof(f"{stream.folder}: this stream has no checkpoint here")
    return _parsed(stream, CHECKPOINT, text)


def kept_note(stream: StreamStore, name: str) -> Note | None:
    """The note of that name, if there is one; raises `Proof` if it is damaged."""
    text = stream.text(name)
    return None if text is None else _parsed(stream, name, text)


def _parsed(stream: StreamStore, name: str, text: str) -> Note:
    try:
        return parse_note(text)
    except ValueError as error:
        raise Proof(f"{stream.folder / name}: {error}") from error


def export_tiles(store: Store, target: Path) -> int:
    """Copy checkpoints and tiles to a folder that any web server can publish; how many streams."""
    count = 0
    for stream in store.streams():
        note = latest_note(stream)
        folder = target / stream.folder.name
        for tile in all_tiles(note.checkpoint.size):
            _copy(stream.folder / tile.path, folder / tile.path)
        for name in (PRUNED, WITNESSED, STAMPED, STAMP):
            if (stream.folder / name).is_file():
                _copy(stream.folder / name, folder / name)
        _copy(stream.folder / CHECKPOINT, folder / CHECKPOINT)  # last: it promises the others
        count += 1
    return count


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
