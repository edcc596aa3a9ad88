"""What an engine remembers, on the disk: a restart neither misses an alert nor raises one twice.

Each batch appends one line before its lines count as delivered; the file is written again from the
memory when it has grown. A batch that a crash cut off is read again and counted again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from shipper.detect.engine import Engine, Kept, Settled
from shipper.detect.rules import Noted
from shipper.durable import append, open_append, replace, trim
from shipper.errors import RegistryError

#: A start reads it all: a few tens of thousands of hits.
_MAX_BYTES = 8 << 20


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """One batch: the highest sequence of each stream in it, and the hits of its events."""

    counted: Mapping[str, int]
    noted: Sequence[Noted]
    #: When rules for new values saw their first event, by rule; in the first line of a file.
    begins: dict[str, float] = {}
    #: What was remembered when the file was written again, and what the batch changed beyond hits.
    kept: Sequence[Kept] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Entry).decode


class Journal:
    """The file of one engine; raises `RegistryError` if it cannot be read or written."""

    def __init__(self, path: Path, engine: Engine, *, max_bytes: int = _MAX_BYTES) -> None:
        self._path, self._engine, self._max_bytes = path, engine, max_bytes
        self._file = -1
        try:
            self._file = open_append(path)
            trim(self._file)
            self._load()
        except OSError as error:
            raise self._failure(error) from error

    def commit(self, settled: Settled, noted: Sequence[Noted]) -> None:
        """Keep what a batch changed, and wait until the disk has it."""
        try:
            append(self._file, _encode(_Entry(settled.counted, noted, {}, settled.kept)) + b"\n")
            if os.fstat(self._file).st_size > self._max_bytes:
                self._compact()
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _load(self) -> None:
        for at, line in enumerate(self._path.read_bytes().splitlines(), start=1):
            try:
                entry = _decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                what = f"{self._path}:{at}: damaged; move the file away to start without memory"
                raise RegistryError(what) from error
            self._engine.begin_at(entry.begins)
            self._engine.streams.counted |= entry.counted
            for kept in entry.kept:
                self._engine.restore(kept)
            for noted in entry.noted:
                self._engine.recall(noted)

    def _compact(self) -> None:
        replace(self._path, self._lines())
        os.close(self._file)
        self._file = open_append(self._path)

    def _lines(self) -> Iterator[bytes]:
        yield _encode(_Entry(self._engine.streams.counted, [], self._engine.begins)) + b"\n"
        for kept in self._engine.remembered():
            yield _encode(_Entry({}, [], {}, [kept])) + b"\n"

    def _failure(self, error: OSError) -> RegistryError:
        return RegistryError(
            f"{self._path}: {error.strerror}; the memory of the rules must be saved"
        )
