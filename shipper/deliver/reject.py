"""Dead letters: where the lines go that will never be delivered, with the reason."""

import base64
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from shipper.deliver.block import Reject
from shipper.deliver.durable import append, open_append, trim


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected line, and the file it came from."""

    path: str
    reject: Reject


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
            file = open_append(self._path)
            try:
                trim(file)
                self._check_room(os.fstat(file).st_size, len(data))
                append(file, data)
            finally:
                os.close(file)
        except OSError as error:
            raise Full(f"{self._path} cannot be written ({error.strerror}); make room") from error

    def _check_room(self, size: int, more: int) -> None:
        # An empty file takes anything: otherwise one line over the limit would hold for ever.
        if size and size + more > self._max_bytes:
            raise Full(
                f"{self._path} holds {size} bytes, its limit is {self._max_bytes}; "
                "look at the lines, then move the file away"
            )

    def _encoded(self, letters: Iterable[DeadLetter]) -> Iterable[bytes]:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for letter in letters:
            reject = letter.reject
            document = {
                "@timestamp": now,
                "reason": reject.reason,
                "output": self._output,
                "path": letter.path,
                "offset": reject.offset,
                **_line(reject.line),
            }
            if reject.length is not None:
                document |= {"length": reject.length, "sha256": reject.sha256}
            yield msgspec.json.encode(document) + b"\n"


def _line(line: bytes) -> dict[str, str]:
    try:
        return {"line": line.decode("utf-8")}
    except UnicodeDecodeError:
        return {"line_base64": base64.b64encode(line).decode("ascii")}
