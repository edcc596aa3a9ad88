"""Positions: how far each file is settled, on the disk before the next batch is read.

A journal: one JSON line per commit, appended and synchronised. To rewrite the complete file at
every commit would write some megabytes for 10,000 files; a line holds only what has changed. The
journal is rewritten at the start, and when it has grown to several times its content.

    {"format":"mcp-shipper positions","version":2,"since_s":1764049680}
    {"crc":2774561,"commit":{"set":[{...}],"forget":[7]}}

A crash can tear the last line: then that commit never returned, and the line is dropped. Damage
anywhere else means that the disk, or a person, has changed committed positions: that is an error.
"""

import fcntl
import os
import time
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from msgspec import structs

from shipper.durable import append, open_append, replace
from shipper.errors import RegistryError
from shipper.follow.account import Account
from shipper.follow.mark import Mark
from shipper.shown import as_text, is_encodable

#: Compact when the journal is this many times its content, and at least this big.
_MAX_GROWTH = 8
_MIN_COMPACT_BYTES = 1 << 20
#: Positions in a line then: a line is in memory several times while it is written or read.
_AT_ONCE = 500


class Position(Mark, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """How far one file is settled, and how to recognize it."""

    id: int
    path: str
    device: int
    inode: int
    #: Last commit, in seconds since 1970: positions of files unseen for long are forgotten.
    updated_s: int
    #: Which segment of an audit stream it is, if it is one.
    stream: str = ""
    segment: int = 0
    #: The size of the content, if it is an archive.
    unpacked_bytes: int = 0
    #: On the disk, the exact bytes of a path that is not UTF-8; `path` is escaped there.
    path_bytes: bytes = b""
    #: Names the file forever: the ids of its lines begin with it (`lines.Origin`).
    key: bytes = b""
    #: Where the file ended when lines were sent that may have been unfinished: read again, they end
    #: there again, and have the same ids. 0 if there are none.
    cut: int = 0


def id_key(key: bytes) -> str:
    """The key of a file as the ids of its lines begin with it."""
    return urlsafe_b64encode(key).decode("ascii")


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    version: int
    #: When it was made, in seconds since 1970; 0 if that is not known.
    since_s: int = 0


class _Commit(msgspec.Struct, forbid_unknown_fields=True):
    set: Sequence[Position]
    forget: Sequence[int] = ()
    #: Of everything that is settled by now; the last one counts.
    account: Account | msgspec.UnsetType = msgspec.UNSET


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    crc: int
    commit: msgspec.Raw  # the exact bytes that the checksum covers


#: What msgspec raises for damaged bytes: not only its own errors.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_FORMAT = _Header("mcp-shipper positions", 2)
_encode = msgspec.json.Encoder().encode
_headers = msgspec.json.Decoder(_Header)
_lines = msgspec.json.Decoder(_Line)
_commits = msgspec.json.Decoder(_Commit)


class Committed:
    """The positions on the disk, read-only. It shows every later commit too."""

    __slots__ = ("_by_id",)

    def __init__(self, by_id: Mapping[int, Position]) -> None:
        self._by_id = by_id

    def __contains__(self, ident: int) -> bool:
        return ident in self._by_id

    def __iter__(self) -> Iterator[Position]:
        return iter(self._by_id.values())

    def get(self, ident: int) -> Position | None:
        """The position of that id, if it is committed."""
        return self._by_id.get(ident)


class Registry:
    """The positions of one pipeline; held by one process at a time."""

    __slots__ = (
        "_compacted_bytes",
        "_file",
        "_lock",
        "_path",
        "_positions",
        "_size",
        "account",
        "since_s",
    )

    def __init__(self, path: Path) -> None:
        """Lock and load the journal at `path`; `RegistryError` if another process holds it."""
        self._path = path
        self._lock = self._file = -1
        try:
            self._lock = take_lock(path.with_name(path.name + ".lock"))
            self.since_s, (self._positions, self.account) = _load(path)
            self._size = self._compacted_bytes = 0
            self._compact()
        except OSError as error:
            self.close()
            raise RegistryError(f"{path}: {error.strerror}; positions must be kept") from error
        except RegistryError:
            self.close()
            raise

    @property
    def committed(self) -> Committed:
        """The committed positions."""
        return Committed(self._positions)

    def commit(
        self,
        positions: Sequence[Position],
        forget: Sequence[int] = (),
        settled: Account | None = None,
    ) -> None:
        """Replace `positions`, drop the ids to `forget`, and wait until that is on the disk.

        `settled` is the account of the lines that are settled with it.
        """
        account = self.account + settled if settled else self.account
        data = _encode_line(_Commit(positions, forget, account if settled else msgspec.UNSET))
        try:
            append(self._file, data)
            self._size += len(data)
            self._apply(positions, forget)
            self.account = account
            if self._size > max(_MIN_COMPACT_BYTES, _MAX_GROWTH * self._compacted_bytes):
                self._compact()
        except OSError as error:
            raise RegistryError(
                f"{self._path}: a position cannot be kept ({error.strerror}); "
                "nothing more is delivered until it can"
            ) from error

    def close(self) -> None:
        """Close the file and release the lock."""
        for file in (self._file, self._lock):
            if file >= 0:
                os.close(file)
        self._file = self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _apply(self, positions: Iterable[Position], forget: Iterable[int]) -> None:
        _apply(self._positions, positions, forget)

    def _compact(self) -> None:
        replace(self._path, self._lines())
        if self._file >= 0:
            os.close(self._file)
        self._file = open_append(self._path)
        self._size = self._compacted_bytes = os.fstat(self._file).st_size

    def _lines(self) -> Iterator[bytes]:
        yield _encode(_Header(_FORMAT.format, _FORMAT.version, self.since_s)) + b"\n"
        if self.account != Account():
            yield _encode_line(_Commit((), (), self.account))
        positions = iter(self._positions.values())
        while some := tuple(islice(positions, _AT_ONCE)):
            yield _encode_line(_Commit(some))


def registry_path(data: Path, output: str) -> Path:
    """The journal of the positions of an output."""
    return data / "registry" / f"{output}.ndjson"


def read_positions(path: Path) -> tuple[Position, ...]:
    """The positions in the journal at `path`, read without its lock; empty if there is none."""
    _, found = _load(path)
    return tuple(found.positions.values())


class Snapshot(NamedTuple):
    """A journal at one moment."""

    since_s: int
    committed: Committed
    #: Of the lines before the positions.
    account: Account


def read_snapshot(path: Path) -> Snapshot:
    """The journal at `path`, read without its lock; an empty one if there is none."""
    since_s, found = _load(path)
    return Snapshot(since_s, Committed(found.positions), found.account)


def _encode_line(commit: _Commit) -> bytes:
    try:
        data = _encode(commit)
    except UnicodeEncodeError:  # rare, so it may take its time
        data = _encode(structs.replace(commit, set=list(map(_with_path_bytes, commit.set))))
    return _encode(_Line(zlib.crc32(data), msgspec.Raw(data))) + b"\n"


def _with_path_bytes(position: Position) -> Position:
    """The position as JSON can hold it: a file name is bytes, not always UTF-8."""
    path = position.path
    if is_encodable(path):
        return position
    return structs.replace(position, path=as_text(path), path_bytes=os.fsencode(path))


def _with_exact_path(position: Position) -> Position:
    if not position.path_bytes:
        return position
    return structs.replace(position, path=os.fsdecode(position.path_bytes), path_bytes=b"")


def _apply(into: dict[int, Position], positions: Iterable[Position], forget: Iterable[int]) -> None:
    into.update((position.id, position) for position in positions)
    for ident in forget:
        into.pop(ident, None)


class _Found(NamedTuple):
    """What a journal holds."""

    positions: dict[int, Position]
    account: Account = Account()


def _load(path: Path) -> tuple[int, _Found]:
    """When the journal was made, and what it holds."""
    try:
        with path.open("rb") as file:
            since_s = _read_header(path, file.readline()).since_s
            return since_s, _read_commits(path, file)
    except FileNotFoundError:
        return int(time.time()), _Found({})
    except OSError as error:
        raise RegistryError(f"{path}: cannot be read: {error.strerror}") from error


def _read_commits(path: Path, lines: Iterable[bytes]) -> _Found:
    positions: dict[int, Position] = {}
    account = Account()
    damage = None
    for number, line in enumerate(lines, 2):
        if damage:  # it was not the last line
            raise damage
        try:
            commit = _decode_line(line)
        except (*_UNREADABLE, ValueError) as error:
            damage = RegistryError(_damaged(path, number, str(error)))
        else:
            _apply(positions, map(_with_exact_path, commit.set), commit.forget)
            account = commit.account or account
    return _Found(positions, account)


def _decode_line(line: bytes) -> _Commit:
    found = _lines.decode(line)
    if zlib.crc32(found.commit) != found.crc:
        raise ValueError("its checksum is wrong")
    return _commits.decode(found.commit)


def _read_header(path: Path, header: bytes) -> _Header:
    try:
        found = _headers.decode(header)
    except _UNREADABLE as error:
        raise RegistryError(_damaged(path, 1, str(error))) from error
    if (found.format, found.version) != (_FORMAT.format, _FORMAT.version):
        raise RegistryError(
            f"{path}: {found.format} version {found.version} is not what this version of the "
            f"shipper writes ({_FORMAT.format} version {_FORMAT.version}); use the one that did"
        )
    return found


def _damaged(path: Path, line: int, reason: str) -> str:
    return (
        f"{path}: line {line} is damaged ({reason}). Restore the file from a backup, or move it "
        "away: all files are then sent again from their beginning"
    )


def take_lock(path: Path) -> int:
    """Lock the file at `path` until it is closed; `RegistryError` if another process holds it."""
    try:
        lock = open_append(path)
    except OSError as error:
        raise RegistryError(f"{path}: {error.strerror}; positions must be kept") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise RegistryError(
            f"{path}: process {holder} ships from here already; stop it, or use another path.data"
        ) from error
    with suppress(OSError):  # only for the message above
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
    return lock
