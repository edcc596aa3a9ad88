"""A local directory: files of lines; a batch is on the disk before it counts as delivered."""

import errno
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shipper.durable import append, exclusively, is_at, make_directory, sync_directory, trim
from shipper.errors import Refused
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Outcome
from shipper.outputs.file.config import FileConfig

_log = logging.getLogger(__name__)


class FileOutput:
    """Appends to the newest file of the directory; only complete lines, even after a crash."""

    def __init__(self, config: FileConfig) -> None:
        self._config = config
        self._directory = Path(config.path)
        self._name = re.compile(re.escape(config.filename) + r"(?:-(\d+))?\.ndjson")
        self._number = 0
        self._file: int | None = None

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Append `lines` and wait until the disk has them."""
        block = self._config.encoded(lines).block
        with self._mapped_errors():
            file = self._opened(len(block))
            with exclusively(file):  # a replay beside a running shipper writes here too
                append(file, block)
        return [DELIVERED] * len(lines)

    def probe(self) -> str:
        """Open the file that the next batch would go to."""
        with self._mapped_errors():
            self._opened(0)
        return f"{self._path(self._number)} can be written"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            what = "make room" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "check it"
            raise Refused(f"{self._directory}: {error.strerror}; {what}") from error

    def _opened(self, room: int) -> int:
        """The newest file, or a new one if `room` more bytes would exceed the limit."""
        if self._file is not None and not is_at(self._path(self._number), self._file):
            self.close()
        if self._file is None:
            make_directory(self._directory)
            self._number = max(self._numbers(), default=0)
            self._file = self._open()
            with exclusively(self._file):
                trim(self._file)  # an incomplete line was not acknowledged and comes again
        size = os.fstat(self._file).st_size
        if size and size + room > self._config.rotate_every_kb << 10:
            self.close()
            self._number += 1
            self._file = self._open()
            self._delete_oldest()
        return self._file

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        opened = os.open(self._path(self._number), flags, self._config.permissions)
        sync_directory(self._directory)  # the name must survive a crash as the lines do
        return opened

    def _path(self, number: int) -> Path:
        suffix = f"-{number}" if number else ""
        return self._directory / f"{self._config.filename}{suffix}.ndjson"

    def _numbers(self) -> list[int]:
        matches = [self._name.fullmatch(entry.name) for entry in self._directory.iterdir()]
        return sorted(int(match[1] or 0) for match in matches if match)

    def _delete_oldest(self) -> None:
        keep = self._config.number_of_files
        for number in self._numbers()[:-keep] if keep else ():
            _log.warning("Deleting %s: number_of_files is %d.", self._path(number), keep)
            self._path(number).unlink()
