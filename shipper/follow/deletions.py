"""Deleting files that every output has: shared by the pipelines, each of which serves one."""

import logging
import os
from collections.abc import Iterable
from threading import Lock

from shipper.follow.discover import Found
from shipper.shown import shown

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
        """Delete the file if it is unchanged; a link stays, and its target is deleted."""
        path = os.path.realpath(found.path)
        try:
            status = os.stat(path)  # noqa: PTH116  # beside realpath
            if (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != version:
                return False
            os.unlink(path)  # noqa: PTH108
        except OSError as error:
            if path not in self._failed:
                self._failed.add(path)
                _log.warning("%s cannot be deleted (%s).", shown(path), error.strerror)
            return False
        _log.info("%s is deleted: every output has it.", shown(path))
        return True


class OwnDeletions:
    """The deletions of one pipeline; without `deletions` nothing is deleted."""

    def __init__(self, output: str, deletions: Deletions | None) -> None:
        self._output, self._deletions = output, deletions

    def settled(self, found: Found) -> None:
        """Note that the file is settled to its end, and will not grow."""
        if self._deletions:
            self._deletions.settled(self._output, found)

    def forget(self, found: Found) -> bool:
        """Forget the deletion of a file that is gone; False if it was not deleted here."""
        return self._deletions is not None and self._deletions.forget(self._output, found)


def _version(found: Found) -> _Version:
    return found.device, found.inode, found.size, found.mtime_ns
