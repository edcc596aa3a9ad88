"""Deleting files that every output has: shared by the pipelines, each of which serves one."""

import errno
import logging
import os
import stat
from collections.abc import Iterable
from threading import Lock

from shipper.follow.discover import Found
from shipper.follow.links import open_directory

_log = logging.getLogger(__name__)

#: A file and its content: device, inode, size and time of change.
_Version = tuple[int, int, int, int]


class Deletions:
    """Notes which outputs have all of a file, and deletes it once all of them do."""

    def __init__(self, outputs: Iterable[str]) -> None:
        """A file is deleted when each of `outputs` has it."""
        self._outputs = frozenset(outputs)
        self._settled: dict[tuple[int, int], tuple[_Version, set[str]]] = {}
        self._deleted: dict[_Version, set[str]] = {}
        self._failed: set[str] = set()
        self._lock = Lock()

    def settled(self, output: str, found: Found) -> None:
        """Note that `output` has the file to its end, and that it will not grow."""
        version = _version(found)
        with self._lock:
            known, outputs = self._settled.setdefault(version[:2], (version, set()))
            if known != version:  # it has grown, or is another file
                outputs = set()
                self._settled[version[:2]] = version, outputs
            outputs.add(output)
            if outputs == self._outputs and self._delete(found, version):
                del self._settled[version[:2]]
                self._deleted[version] = set(self._outputs)

    def has(self, output: str, found: Found) -> bool:
        """Whether the file was deleted here, and this output has not forgotten it."""
        with self._lock:
            return output in self._deleted.get(_version(found), ())

    def forget(self, output: str, found: Found) -> bool:
        """Forget the deletion of the file for this output; False if it was not deleted here."""
        version = _version(found)
        with self._lock:
            left = self._deleted.get(version)
            if left is None:
                return False
            left.discard(output)
            if not left:
                del self._deleted[version]
            return True

    def _delete(self, found: Found, version: _Version) -> bool:
        """Delete the file if it is unchanged; never through a link."""
        folder, name = os.path.split(found.path)
        try:
            at = open_directory(folder)
            try:
                if _version_at(name, at) != version:
                    return False
                os.unlink(name, dir_fd=at)  # in the very directory
            finally:
                os.close(at)
        except OSError as error:
            if found.path not in self._failed:
                self._failed.add(found.path)
                _log.warning("%s cannot be deleted (%s).", found.name, error.strerror)
            return False
        _log.info("%s is deleted: every output has it.", found.name)
        return True


def _version_at(name: str, directory: int) -> _Version:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)  # as above
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, "it is a link; name the file itself in `paths`")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class OwnDeletions:
    """The deletions of one pipeline; without `deletions` nothing is deleted."""

    def __init__(self, output: str, deletions: Deletions | None) -> None:
        self._output, self._deletions = output, deletions

    def settled(self, found: Found) -> None:
        """Note that the file is settled to its end, and will not grow."""
        if self._deletions:
            self._deletions.settled(self._output, found)

    def has(self, found: Found) -> bool:
        """Whether the file was deleted here."""
        return self._deletions is not None and self._deletions.has(self._output, found)

    def forget(self, found: Found) -> bool:
        """Forget the deletion of a file that is gone; False if it was not deleted here."""
        return self._deletions is not None and self._deletions.forget(self._output, found)


def _version(found: Found) -> _Version:
    return found.device, found.inode, found.size, found.mtime_ns
