"""Dead letters: rejected lines on the disk, each with its reason, kept for replay."""

import base64
import binascii
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from shipper.durable import append, exclusively, is_at, open_append, trim, unended
from shipper.follow.batch import BadLine
from shipper.forms.check import EXCERPT_BYTES, Reject
from shipper.shown import as_text

#: There is room for at least this many dead letters: of longer lines only the head is kept.
_LEAST_LINES = 100


class LossReporter(Protocol):
    """Is informed of lines that do not arrive, or not completely."""

    def dead_lettered(self, lines: Sequence[BadLine]) -> None:
        """The lines became dead letters."""
        ...

    def truncated(self, lines: Sequence[BadLine]) -> None:
        """The lines are sent without their ends."""
        ...

    def dropped(self, path: str, offsets: Sequence[int]) -> None:
        """Processors dropped the lines of a file at these offsets."""
        ...


def dead_letters_folder(data: Path) -> Path:
    """The folder of all dead letters in `path.data`."""
    return data / "dead-letters"


def dead_letters_path(data: Path, output: str) -> Path:
    """The file with the dead letters of an output."""
    return dead_letters_folder(data) / f"{output}.ndjson"


class DeadLetter(
    msgspec.Struct, omit_defaults=True, frozen=True, rename={"timestamp": "@timestamp"}
):
    """A dead letter as it is on the disk."""

    timestamp: str
    reason: str
    output: str
    path: str
    offset: int
    line: str | None = None
    #: The line if it is not UTF-8.
    line_base64: str | None = None
    #: Length and digest of the complete line if only its beginning is kept.
    length: int | None = None
    sha256: str | None = None
    #: With `offset` it is the id of the line, which is then not sent twice; empty: `event.id` is.
    key: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the complete line is here."""
        return self.length is None

    def content(self) -> bytes:
        """The line; raises `ValueError` if an edit has made it unreadable."""
        if self.line is not None:
            return self.line.encode()
        if self.line_base64 is None:
            raise ValueError("it has neither line nor line_base64")
        try:
            return base64.b64decode(self.line_base64, validate=True)
        except binascii.Error as error:
            raise ValueError(f"line_base64: {error}") from error


def kind_of(reason: str) -> str:
    """The kind of a reason: its part before the colon; the rest may quote the line."""
    return reason.partition(":")[0][:100]


class Full(Exception):  # a state, not a fault: the pipeline waits until there is room
    """There is no room for more dead letters: the limit is reached, or the disk is full."""


class DeadLetters:
    """An NDJSON file of rejected lines; they are on the disk before they count as settled."""

    __slots__ = ("_max_bytes", "_output", "_path")

    def __init__(self, path: Path, *, output: str, max_bytes: int) -> None:
        self._path, self._output, self._max_bytes = path, output, max_bytes

    def add(self, lines: Sequence[BadLine]) -> None:
        """Append the lines as dead letters; raise `Full` and append none if there is no room.

        The file is opened again each time, because somebody may have moved it away to make room.
        """
        data = b"".join(self._encoded(lines))
        try:
            with locked(self._path) as file:
                end_last_line(file)
                self._check_room(os.fstat(file).st_size, len(data))
                append(file, data)
        except OSError as error:
            raise Full(f"{self._path} cannot be written ({error.strerror}); make room") from error

    def _check_room(self, size: int, more: int) -> None:
        # An empty file has room for any line, or a line over the limit would block for ever.
        if size and size + more > self._max_bytes:
            raise Full(
                f"{self._path} has {size} bytes; its limit is {self._max_bytes}. "
                "Check the lines, then send them again (mcp-shipper replay) or move the file away"
            )

    def _encoded(self, bad_lines: Iterable[BadLine]) -> Iterable[bytes]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for bad_line in bad_lines:
            reject = self._shortened(bad_line.reject)
            line, encoded = _line(reject.line)
            dead_letter = DeadLetter(
                timestamp=now,
                reason=reject.reason,
                output=self._output,
                path=as_text(bad_line.path),
                offset=reject.offset,
                line=line,
                line_base64=encoded,
                length=reject.length,
                sha256=reject.sha256,
                key=bad_line.key,
            )
            yield msgspec.json.encode(dead_letter) + b"\n"

    def _shortened(self, reject: Reject) -> Reject:
        """The reject without the end of a huge line: few of them would leave no room for others.

        The complete line is in its file, at its offset, as long as that exists.
        """
        size = len(reject.line)
        if size <= self._max_bytes // _LEAST_LINES or reject.length is not None:
            return reject
        digest = sha256(reject.line).hexdigest()
        head = reject.line[:EXCERPT_BYTES]
        return replace(reject, line=head, length=size, sha256=digest)


def _line(line: bytes) -> tuple[str | None, str | None]:
    try:
        return line.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, base64.b64encode(line).decode("ascii")


_decoder = msgspec.json.Decoder(DeadLetter)


def decoded(line: bytes) -> DeadLetter | None:
    """The dead letter on a line; None if an edit has made it invalid."""
    try:
        dead_letter = _decoder.decode(line)
        dead_letter.content()
    except (ValueError, RecursionError, msgspec.DecodeError):
        return None
    return dead_letter


def end_last_line(file: int) -> None:
    """End a last dead letter without a newline, as an editor may leave it; cut off a torn one.

    A torn one was not yet settled when the shipper died: its line comes again.
    """
    if decoded(unended(file)):
        append(file, b"\n")
    else:
        trim(file)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """The file at `path`, open for `append` and locked, so that no replay moves it away."""
    while True:
        file = open_append(path)
        try:
            with exclusively(file):
                if is_at(path, file):  # otherwise it was moved before the lock
                    yield file
                    return
        finally:
            os.close(file)
