"""Complete lines on the disk: append, replace, and recover from a crash halfway."""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_STEP_BYTES = 64 << 10
#: More files than this are synced together with all that their file system has to write.
_MANY = 64

#: Positions and rejected lines reveal what an application does: only its own user may read them.
_MODE = 0o600
_DIRECTORY_MODE = 0o700


def make_directory(path: Path) -> None:
    """Create the directory and its missing parents, all of them for its own user alone."""
    try:
        path.mkdir(mode=_DIRECTORY_MODE)
        if path.stat().st_mode & _DIRECTORY_MODE != _DIRECTORY_MODE:
            path.chmod(_DIRECTORY_MODE)  # a umask that shuts out its own user
    except FileNotFoundError:
        make_directory(path.parent)
        make_directory(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def open_append(path: Path) -> int:
    """Open `path` for `append`; create it and its directory if missing."""
    make_directory(path.parent)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE)
    sync_directory(path.parent)
    return file


def is_at(path: Path, file: int) -> bool:
    """Whether the open file is still at `path`, not moved away or deleted."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


@contextmanager
def exclusively(file: int) -> Iterator[None]:
    """Hold the file's lock: another process may append to the same file, or trim it."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def append(file: int, data: bytes) -> None:
    """Append all of `data` or nothing, and wait until the disk has it."""
    start = os.fstat(file).st_size
    try:
        _write(file, data)
        os.fdatasync(file)
    except OSError:
        os.ftruncate(file, start)
        raise


def trim(file: int) -> None:
    """Cut off the incomplete line that a crash left at the end."""
    position = _last_line_start(file)
    if position < os.fstat(file).st_size:
        os.ftruncate(file, position)


def unended(file: int) -> bytes:
    """What follows the last newline."""
    position = _last_line_start(file)
    return os.pread(file, os.fstat(file).st_size - position, position)


def _last_line_start(file: int) -> int:
    """Where the last line without a newline starts; the end of the file if there is none."""
    position = os.fstat(file).st_size
    while position:
        start = max(0, position - _STEP_BYTES)
        newline = os.pread(file, position - start, start).rfind(b"\n")
        position = start
        if newline >= 0:
            return start + newline + 1
    return position


def replace(path: Path, parts: Iterable[bytes], *, mode: int = _MODE) -> None:
    """Replace the file's content by `parts`, atomically: all of them or no change."""
    new = path.with_name(path.name + ".new")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        if mode != _MODE:
            os.fchmod(file, mode)  # whatever the umask
        for part in parts:
            _write(file, part)
        os.fdatasync(file)
    finally:
        os.close(file)
    new.rename(path)
    sync_directory(path.parent)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def write_private(path: str, data: bytes) -> None:
    """Write the file for its own user alone, without waiting for the disk: see `sync_files`."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE)
    try:
        _write(file, data)
    finally:
        os.close(file)


def sync_files(paths: Sequence[str]) -> bool:
    """Wait until the disk has the contents of the files; whether it has their names too.

    Each file waits for a commit of the file system. Many files of one file system wait for all
    that it has to write instead: one commit. The other file systems of the machine are left alone,
    and unlike `sync`, `syncfs` reports what could not be written.
    """
    if len(paths) > _MANY and (sync := _syncfs()):
        _with_file(paths[0], sync)
        return True
    for path in paths:
        _with_file(path, os.fdatasync)
    return False


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Syncs the file system of an open file, where the C library can: on Linux alone."""
    import ctypes  # few programs that write files need it

    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, TypeError, AttributeError):  # TypeError: on Windows None names no library
        return None

    def sync(file: int) -> None:
        if syncfs(file):
            raise OSError(ctypes.get_errno(), "the file system could not write everything")

    return sync


def sync_directory(path: Path) -> None:
    """Wait until the directory's entries (new names, renames, deletions) are on the disk."""
    _with_file(path, os.fsync)


def _with_file(path: Path | str, sync: Callable[[int], None]) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        sync(file)
    finally:
        os.close(file)
