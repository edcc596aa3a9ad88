"""The segment file that is being written, and the thread that syncs it."""

import fcntl
import os
import stat
import threading
import time
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC

#: Which file it is: device and inode.
_Identity = tuple[int, int]


class OpenSegment:
    """The segment file being written, in which only complete lines count.

    Raises `FileExistsError` if there is anything at `path`; on any failure no file is left.
    """

    def __init__(self, path: Path, mode: int) -> None:
        self.path = path
        self.size = 0
        self.opened_s = time.monotonic()
        #: Set when nothing more can be appended: the descriptor is lost, or half a line remains.
        self.is_broken = False
        self._identity: _Identity | None = None
        self._fd = os.open(path, _FLAGS, mode)
        try:
            found = os.fstat(self._fd)
            self._identity = _identity(found)
            if stat.S_IMODE(found.st_mode) != mode:  # a umask that shuts out its own user
                os.fchmod(self._fd, mode)
            with suppress(OSError):  # a file system without locks
                # Shows that the writer lives to the shipper, which may delete what it has shipped.
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, line: bytes) -> None:
        """Write the line. After any exception, `holds` finds out whether it is in the file."""
        written = os.write(self._fd, line)
        if written != len(line):
            raise OSError(
                f"{self.path}: only {written} of {len(line)} bytes fit; is the disk full?"
            )
        self.size += written

    def holds(self, end: int) -> bool:
        """Whether the file reaches to `end`; if not, cut it after its last complete line.

        Raises only what a signal handler raises.
        """
        size = self._size_on_disk()
        if size == end:
            self.size = end
        elif size is not None and size != self.size:
            self._cut()
        return self.size == end

    def _size_on_disk(self) -> int | None:
        """By the descriptor, or by the name if that is lost; None if the file is gone too."""
        if (open_file := self._stat_open()) is not None:
            return open_file.st_size
        self.is_broken = True
        named = self._stat_named()
        return named.st_size if named else None

    def _cut(self) -> None:
        try:
            if self.is_broken:
                os.truncate(self.path, self.size)
            else:
                os.ftruncate(self._fd, self.size)
        except OSError as error:
            _raise_if_signalled(error)
            self.is_broken = True  # half a line remains: as at the end of a killed process

    def is_deleted(self) -> bool:
        """Whether the file has no name left, or lacks lines that were in it.

        Finds out as well whether it `is_broken`: the descriptor is another file's, or somebody cut
        the file or wrote to it, and a line after half a line would be none.
        """
        try:
            found = os.fstat(self._fd)
        except OSError as error:
            _raise_if_signalled(error)
            self.is_broken = True
            return False
        if (found.st_dev, found.st_ino) != self._identity:
            self.is_broken = True
            return False
        self.is_broken = self.is_broken or found.st_size != self.size
        return found.st_nlink == 0 or found.st_size < self.size

    def is_away(self) -> bool:
        """Whether another file or nothing is at its path: where its lines go, nobody reads."""
        try:
            return _identity(os.lstat(self.path)) != self._identity
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError as error:  # a directory that may be readable again
            _raise_if_signalled(error)
            return False

    def _stat_open(self) -> os.stat_result | None:
        """Of the file behind the descriptor; None if somebody closed it, or it is another file."""
        try:
            found = os.fstat(self._fd)
        except OSError as error:
            _raise_if_signalled(error)
            return None
        return found if _identity(found) == self._identity else None

    def _stat_named(self) -> os.stat_result | None:
        try:
            found = os.lstat(self.path)
        except OSError as error:
            _raise_if_signalled(error)
            return None
        return found if _identity(found) == self._identity else None

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file, once; never one of somebody else that got the same descriptor."""
        is_own = self._identity is None or self._stat_open() is not None
        fd, self._fd = self._fd, -1
        if fd >= 0 and is_own:
            os.close(fd)


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino


def _raise_if_signalled(error: OSError) -> None:
    """A signal handler may raise an OSError as well; the system's have a number."""
    if error.errno is None:
        raise error


class Syncer:
    """A thread that syncs a segment to the disk at an interval."""

    def __init__(self, segment: OpenSegment, interval_s: float) -> None:
        self._segment = segment
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._pid = os.getpid()
        self._worker = threading.Thread(target=self._run, name="mcp-shipper-sync", daemon=True)
        self._worker.start()

    def _run(self) -> None:
        synced = 0
        while not self._stopping.wait(self._interval_s):
            if self._segment.size != synced:
                synced = self._segment.size
                with suppress(OSError):  # the next write fails as well, or the close
                    self._segment.sync()

    def stop(self) -> None:
        """Wait for the thread; after a fork thread and locks are the parent's."""
        if self._pid == os.getpid():
            self._stopping.set()
            self._worker.join()
