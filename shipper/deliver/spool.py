"""Standard input as files: what a pipe holds is gone once it is read, so it goes to the disk first.

A thread writes it to segments in a directory of its own, which are followed like any other file:
with a position for each output, through a kill and a start. A segment is deleted when every output
has it. While there is no room for more, the pipe is not read, and its writer waits.
"""

import logging
import os
import select
import threading
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from shipper.forms.spooled import HEAD, HEAD_BYTES

_log = logging.getLogger(__name__)

PATTERN = "*.spool"
#: What a pipe holds at most, usually.
_READ_BYTES = 64 << 10
#: Small enough that room comes back bit by bit, large enough that few are made.
SEGMENT_BYTES = 16 << 20
#: A disk holds that much without anybody's asking.
MAX_BYTES = 256 << 20
#: How often to look for a stop, and for room.
_GLANCE_S = 0.2

#: Names what this process wrote: its last line may go on, after a reload.
_PROCESS = uuid.uuid4().hex


class Spool:
    """Writes a pipe to segments, from `start` to its end or `stop`."""

    def __init__(
        self,
        directory: Path,
        settled: Callable[[Collection[Path]], Collection[Path]],
        *,
        pipe: int = 0,
        max_bytes: int = MAX_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """`settled` says which of these files every output has whole."""
        self._directory, self._settled, self._pipe = directory, settled, pipe
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stdin", daemon=True)
        self._current: Path | None = None
        self._file = -1
        self._size = 0
        self._is_at_newline = True
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(directory.glob(PATTERN)):
            self._resume(path)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes: everything that did is in the files."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin to read the pipe."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is still in the pipe stays there."""
        self._stop.set()
        self._thread.join()

    def prune(self) -> int:
        """Delete the segments that every output has; the bytes of the others."""
        sizes = {path: path.stat().st_size for path in self._directory.glob(PATTERN)}
        for path in self._settled([one for one in sizes if one != self._current]):
            path.unlink(missing_ok=True)
            del sizes[path]
        return sum(sizes.values())

    def _run(self) -> None:
        room = 0
        while not self._stop.is_set():
            if room <= 0:
                room = self._max_bytes - self.prune()
            if room <= 0:
                self._stop.wait(_GLANCE_S)
            elif select.select([self._pipe], [], [], _GLANCE_S)[0]:
                data = self._read()
                if not data:
                    break
                self._take(data)
                room -= len(data)
        else:
            return  # a reload goes on with what is left in the pipe
        if not self._is_at_newline:
            self._write(b"\n")
        self._close()

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe, _READ_BYTES)
        except OSError as error:
            _log.error("Standard input cannot be read (%s); it counts as ended.", error.strerror)
            return b""

    def _take(self, data: bytes) -> None:
        """Write what was read; a new segment begins at the beginning of a line, if one comes."""
        if self._size >= self._segment_bytes:
            cut = data.find(b"\n") + 1
            self._write(data[:cut])
            data = data[cut:]
            if cut or self._size >= 2 * self._segment_bytes:
                self._close()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self._is_at_newline = data.endswith(b"\n")
        told = ""
        while data:
            try:
                if self._file < 0:
                    self._open()
                count = os.write(self._file, data)
                self._size += count
                data = data[count:]
            except OSError as error:
                if told != str(error):
                    told = str(error)
                    _log.error("Standard input is not read on until it can be kept: %s.", told)
                if self._stop.wait(_GLANCE_S):
                    _log.error("%d bytes of standard input are lost.", len(data))
                    return

    def _open(self) -> None:
        current = self._directory / f"{time.time_ns():020}-{_PROCESS}{PATTERN[1:]}"
        new = current.with_suffix(".new")
        new.write_bytes(HEAD % uuid.uuid4().hex.encode())
        new.chmod(0o600)
        file = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        new.rename(current)  # nobody sees it without its first line
        self._current, self._file, self._size = current, file, HEAD_BYTES

    def _resume(self, path: Path) -> None:
        """Go on with a segment of this process; end the last line of another one's."""
        is_ours = _PROCESS in path.name
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        size = os.fstat(file).st_size
        is_at_newline = os.pread(file, 1, size - 1) == b"\n"
        self._close()
        if is_ours:
            self._current, self._file, self._size = path, file, size
            self._is_at_newline = is_at_newline
            return
        if not is_at_newline:
            os.write(file, b"\n")
        os.close(file)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._current = -1, 0, None
