"""Dead letters: where the lines go that will never be delivered, with the reason."""

import base64
import binascii
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from shipper.durable import append, exclusively, is_at, open_append, trim
from shipper.follow.batch import DeadLetter


class Witness(Protocol):
    """Is told of lines that do not arrive."""

    def quarantined(self, letters: Sequence[DeadLetter]) -> None:
        """These went to the dead letters."""
        ...

    def truncated(self, lines: Sequence[DeadLetter]) -> None:
        """These are sent without their ends."""
        ...

    def dropped(self, path: str, offsets: Sequence[int]) -> None:
        """Lines of a file that processors dropped, by where they stand."""
        ...


class Letter(msgspec.Struct, omit_defaults=True, frozen=True, rename={"timestamp": "@timestamp"}):
    """A dead letter as it is written."""

    timestamp: str
    reason: str
    output: str
    path: str
    offset: int
    line: str | None = None
    #: The line, where it is not UTF-8.
    line_base64: str | None = None
    #: Of the whole line, where only its beginning is kept.
    length: int | None = None
    sha256: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the line is here."""
        return self.length is None

    def content(self) -> bytes:
        """The line; raises `ValueError` where a person has left none that can be read."""
        if self.line is not None:
            return self.line.encode()
        if self.line_base64 is None:
            raise ValueError("it has neither line nor line_base64")
        try:
            return base64.b64decode(self.line_base64, validate=True)
        except binascii.Error as error:
            raise ValueError(f"line_base64: {error}") from error


def kind_of(reason: str) -> str:
    """What reasons of the same kind have in common; the rest may quote the line."""
    return reason.partition(":")[0][:100]


class Full(Exception):  # a state, not a fault: the pipeline holds until there is room
    """There is no room for more dead letters: by their limit, or on the disk."""


class DeadLetters:
    """An NDJSON file of rejected lines, on the disk before they count as settled."""

    __slots__ = ("_max_bytes", "_output", "_path")

    def __init__(self, path: Path, *, output: str, max_bytes: int) -> None:
        self._path, self._output, self._max_bytes = path, output, max_bytes

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Append `letters`, or raise `Full` and append none.

        The file is opened anew each time: a person may have moved it away to make room.
        """
        data = b"".join(self._encoded(letters))
        try:
            with locked(self._path) as file:
                trim(file)
                self._check_room(os.fstat(file).st_size, len(data))
                append(file, data)
        except OSError as error:
            raise Full(f"{self._path} cannot be written ({error.strerror}); make room") from error

    def _check_room(self, size: int, more: int) -> None:
        # An empty file takes anything: otherwise one line over the limit would hold for ever.
        if size and size + more > self._max_bytes:
            raise Full(
                f"{self._path} holds {size} bytes, its limit is {self._max_bytes}; "
                "look at the lines, then send them again (mcp-shipper replay) or move the file away"
            )

    def _encoded(self, letters: Iterable[DeadLetter]) -> Iterable[bytes]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for letter in letters:
            reject = letter.reject
            line, encoded = _line(reject.line)
            document = Letter(
                timestamp=now,
                reason=reject.reason,
                output=self._output,
                path=letter.path,
                offset=reject.offset,
                line=line,
                line_base64=encoded,
                length=reject.length,
                sha256=reject.sha256,
            )
            yield msgspec.json.encode(document) + b"\n"


def _line(line: bytes) -> tuple[str | None, str | None]:
    try:
        return line.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, base64.b64encode(line).decode("ascii")


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file at `path`, open for `append` and nobody else's: a replay moves it away so."""
    while True:
        file = open_append(path)
        try:
            with exclusively(file):
                if is_at(path, file):  # else it was moved before the lock
                    yield file
                    return
        finally:
            os.close(file)
