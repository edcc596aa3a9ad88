"""Standard input as files: a pipe can be read only once, so its data goes to the disk first.

A thread writes it to segments in a separate directory. They are followed like any other file, with
a position for each output that survives a kill and a restart. A segment is deleted when every
output has delivered it. While there is no room, the pipe is not read, and its writer waits.
"""

import logging
import os
import select
import threading
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from shipper.durable import make_directory
from shipper.forms.spooled import HEAD, HEAD_BYTES

_log = logging.getLogger(__name__)

PATTERN = "*.spool"
#: The usual capacity of a pipe.
_READ_BYTES = 64 << 10
#: Small enough to free room gradually, large enough to keep segments few.
_SEGMENT_BYTES = 16 << 20
#: Fits on a disk without planning for it.
MAX_BYTES = 256 << 20
#: How often to check for a stop, and for room.
_GLANCE_S = 0.2

#: Marks the segments of this process: after a reload, it may continue their last line.
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
        segment_bytes: int = _SEGMENT_BYTES,
    ) -> None:
        """`settled` returns those of the given files that every output has delivered completely."""
        self._directory, self._settled, self._pipe = directory, settled, pipe
        self._max_bytes, self._segment_bytes = max_bytes, segment_bytes
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stdin", daemon=True)
        self._current: Path | None = None
        self._file = -1
        self._size = 0
        self._is_at_newline = True
        make_directory(directory)
        for path in sorted(directory.glob(PATTERN)):
            self._resume(path)

    @property
    def is_over(self) -> bool:
        """Whether the pipe has ended and all its data is in the files."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start reading the pipe."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading; the rest stays in the pipe."""
        self._stop.set()
        self._thread.join()

    def prune(self) -> int:
        """Delete the segments that every output has delivered; return the size of the others."""
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
            return  # after a reload, the next spool reads the rest of the pipe
        if not self._is_at_newline:
            self._write(b"\n")
        self._close()

    def _read(self) -> bytes:
        try:
            return os.read(self._pipe, _READ_BYTES)
        except OSError as error:
            _log.error("Cannot read standard input (%s); treating it as ended.", error.strerror)
            return b""

    def _take(self, data: bytes) -> None:
        """Write what was read; a new segment starts with a new line, unless the line is huge."""
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
        logged = ""
        while data:
            try:
                if self._file < 0:
                    self._open()
                count = os.write(self._file, data)
                self._size += count
                data = data[count:]
            except OSError as error:
                if logged != str(error):
                    logged = str(error)
                    _log.error("Cannot save standard input: %s. Trying again.", logged)
                if self._stop.wait(_GLANCE_S):
                    _log.error("Stopped: %d bytes of standard input are lost.", len(data))
                    return

    def _open(self) -> None:
        current = self._directory / f"{time.time_ns():020}-{_PROCESS}{PATTERN[1:]}"
        new = current.with_suffix(".new")
        new.write_bytes(HEAD % uuid.uuid4().hex.encode())
        new.chmod(0o600)
        file = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        new.rename(current)  # so that it always has its first line
        self._current, self._file, self._size = current, file, HEAD_BYTES

    def _resume(self, path: Path) -> None:
        """Continue a segment of this process; end the last line of one from another process."""
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
