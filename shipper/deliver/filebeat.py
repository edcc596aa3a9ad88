"""Filebeat's positions: its registry, read, and taken over so that nothing is sent twice.

The registry of Filebeat 7.9 to 9 is a folder: `log.json` has operations, each a line with its
number and a line with key and value, behind the last checkpoint, `NUMBER.json`. Older ones are one
file with a list. A file is identified by inode and device, by a digest of its first KiB, or by its
path.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from shipper.errors import RegistryError
from shipper.follow.archive import opened
from shipper.follow.discover import Found, open_found, scan
from shipper.follow.handle import Handle, Packed, Torn
from shipper.follow.inputs import InputConfig
from shipper.follow.mark import HEAD_BYTES, Mark
from shipper.follow.registry import Position
from shipper.follow.segments import segment_of

#: Where a registry is below what people call its path.
_PLACES = ("", "filebeat", "registry/filebeat", "data/registry/filebeat")
_LOG, _OLD = "log.json", "data.json"
_CHECKPOINT = re.compile(r"\d+\.json")
_NATIVE = re.compile(r"(\d+)-(\d+)")
_KEY_BYTES = 15
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)


class State(NamedTuple):
    """How far Filebeat got in one file."""

    #: Where the file was.
    source: str
    offset: int
    updated_s: float
    #: `native`, `fingerprint` or `path`, and the value.
    identity: tuple[str, str]


class TakenOver(NamedTuple):
    """What becomes of Filebeat's positions."""

    #: For files that our inputs name.
    positions: Sequence[Position]
    #: Files that are shorter than Filebeat's position: they were truncated, and are sent.
    shorter: Sequence[str]
    #: Sources whose file none of our inputs names, or that is gone.
    missing: Sequence[str]


def read_states(path: Path) -> list[State]:
    """The positions in Filebeat's registry; raises `RegistryError` if there is none, or damage."""
    if path.is_file():
        return _of_list(path)
    for place in _PLACES:
        folder = path / place
        if (folder / _LOG).is_file() or any(map(_CHECKPOINT.fullmatch, _names(folder))):
            return [*_states(_entries(folder))]
        if (folder / _OLD).is_file():
            return _of_list(folder / _OLD)
    raise RegistryError(
        f"{path}: no registry of Filebeat is there; give the folder that has log.json, usually "
        "/var/lib/filebeat/registry/filebeat"
    )


def _names(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir()] if folder.is_dir() else []


def _of_list(path: Path) -> list[State]:
    """A registry of Filebeat before 7.9, or of the time before its folders."""
    return [*_states({str(at): one for at, one in enumerate(_list(path))})]


def _list(path: Path) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror})") from error
    except _UNREADABLE as error:
        raise RegistryError(f"{path}: is damaged; Filebeat would not start either") from error


def _entries(folder: Path) -> dict[str, Any]:
    """The values by key: those of the last checkpoint, changed by the operations after it."""
    checkpoints = [name for name in _names(folder) if _CHECKPOINT.fullmatch(name)]
    last = max(checkpoints, key=lambda name: int(name.removesuffix(".json")), default=None)
    rows = _list(folder / last) if last else []
    entries: dict[str, Any] = {str(row.get("_key")): row for row in rows}
    number = int(last.removesuffix(".json")) if last else 0
    for operation, key, value in _operations(folder / _LOG, number):
        if operation == "set":
            entries[key] = value
        else:
            entries.pop(key, None)
    return entries


def _operations(path: Path, number: int) -> Iterator[tuple[str, str, Any]]:
    """The operations behind the checkpoint of that number; a torn end is left out."""
    try:
        lines = iter([line for line in path.read_bytes().splitlines() if line.strip()])
    except FileNotFoundError:
        return
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        for head, body in zip(lines, lines, strict=False):
            action = msgspec.json.decode(head, type=dict[str, Any])
            row = msgspec.json.decode(body, type=dict[str, Any])
            if action["id"] <= number:  # older than the checkpoint
                continue
            number = action["id"]
            yield action["op"], str(row.get("k", row.get("K"))), row.get("v", row.get("V"))
    except (*_UNREADABLE, KeyError, TypeError):  # Filebeat goes back to here too
        return


def _states(entries: dict[str, Any]) -> Iterator[State]:
    for key, value in entries.items():
        if isinstance(value, dict) and (state := _state(key, value)):
            yield state


def _state(key: str, value: dict[str, Any]) -> State | None:
    """The state of a `filestream` or a `log`; None for anything else, or if nothing was sent."""
    if key.startswith("filestream::"):
        offset = _at(value, "cursor", "offset")
        source = _at(value, "meta", "source")
        identity: tuple[str, str] | None = tuple(key.rsplit("::", 2)[1:])  # type: ignore[assignment]
    else:
        offset, source = value.get("offset"), value.get("source")
        inode, device = _at(value, "FileStateOS", "inode"), _at(value, "FileStateOS", "device")
        identity = ("native", f"{inode}-{device}") if inode is not None else None
    if type(offset) is not int or offset <= 0 or type(source) is not str or identity is None:
        return None
    updated = value.get("updated", value.get("timestamp"))
    return State(source, offset, _seconds(updated), identity)


def _at(value: dict[str, Any], name: str, inner: str) -> Any:
    section = value.get(name)
    return section.get(inner) if isinstance(section, dict) else None


def _seconds(value: Any) -> float:
    """A time as Filebeat writes it: nanoseconds and seconds, or a text."""
    if isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value):  # noqa: PLR2004
        return float(value[1]) + float(value[0]) / 1e9
    return 0.0


# --- taking over


def taken_over(states: Sequence[State], inputs: Sequence[InputConfig]) -> TakenOver:
    """Positions for the files that the inputs name now; reads the beginning of each file."""
    by_identity: dict[tuple[str, str], State] = {}
    for state in sorted(states, key=lambda one: one.updated_s):
        by_identity[state.identity] = state
    has_digests = any(kind == "fingerprint" for kind, _ in by_identity)
    positions: list[Position] = []
    shorter, used = [], set()
    for found in scan(inputs):
        known = [*_identities(found, has_digests=has_digests)]
        fitting = [by_identity[one] for one in known if one in by_identity]
        used.update(known)
        if not fitting:
            continue
        state = max(fitting, key=lambda one: one.updated_s)
        position = _position(found, state, len(positions) + 1)
        if position:
            positions.append(position)
        else:
            shorter.append(found.name)
    missing = [one.source for one in by_identity.values() if one.identity not in used]
    return TakenOver(positions, shorter, missing)


def _identities(found: Found, *, has_digests: bool) -> Iterable[tuple[str, str]]:
    yield "native", f"{found.inode}-{found.device}"
    yield "path", found.path
    if has_digests:
        try:
            file = Handle(open_found(found))
        except OSError:
            return
        try:
            head = file.read(HEAD_BYTES, 0)
        finally:
            file.close()
        if len(head) == HEAD_BYTES:
            yield "fingerprint", hashlib.sha256(head).hexdigest()


def _position(found: Found, state: State, ident: int) -> Position | None:
    """The position; None if the file does not reach to it."""
    try:
        file = opened(Handle(open_found(found)))
    except (OSError, Torn, Packed):
        return None
    try:
        while file.is_archive and not file.explore(found.version):
            pass
        if file.size < state.offset:
            return None
        mark = Mark().moved(file, _line_start(file, state.offset))
        stream, number = segment_of(file) or ("", 0)
        unpacked = file.size if file.is_archive else 0
    except OSError:
        return None
    finally:
        file.close()
    return Position(
        id=ident,
        path=found.path,
        device=found.device,
        inode=found.inode,
        offset=mark.offset,
        head=mark.head,
        tail=mark.tail,
        updated_s=int(time.time()),
        stream=stream,
        segment=number,
        unpacked_bytes=unpacked,
        key=os.urandom(_KEY_BYTES),
    )


def _line_start(file: Handle, offset: int) -> int:
    """The offset, or the start of the line that it is in: half a line is never sent."""
    start = offset
    while start > 0:
        size = min(start, 64 << 10)
        at = file.read(size, start - size).rfind(b"\n")
        if at >= 0:
            return start - size + at + 1
        start -= size
    return 0
