"""Deleting files that every output has; shared by the pipelines, which know only their own."""

import logging
import os
from collections.abc import Iterable
from threading import Lock

from shipper.follow.discover import Found

_log = logging.getLogger(__name__)

#: A file with what it holds: device, inode, size and time of change.
_Version = tuple[int, int, int, int]


class Deletions:
    """Counts which outputs have all of a file, and deletes it when all of them do."""

    def __init__(self, outputs: Iterable[str]) -> None:
        """A file is deleted when each of `outputs` has it."""
        self._outputs = frozenset(outputs)
        self._settled: dict[tuple[int, int], tuple[_Version, set[str]]] = {}
        self._deleted: dict[_Version, set[str]] = {}
        self._failed: set[str] = set()
        self._lock = Lock()

    def settled(self, output: str, found: Found) -> None:
        """All that is in the file is settled by `output`, and nothing more is to come."""
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
        """Whether the file was deleted here; asked by each output once."""
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
        """Delete the file if it still is what was settled; a link stays, what it leads to goes."""
        path = os.path.realpath(found.path)
        try:
            status = os.stat(path)  # noqa: PTH116  # beside realpath
            if (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns) != version:
                return False
            os.unlink(path)  # noqa: PTH108
        except OSError as error:
            if path not in self._failed:
                self._failed.add(path)
                _log.warning("%s cannot be deleted (%s).", path, error.strerror)
            return False
        _log.info("%s is deleted: every output has it.", path)
        return True


class OwnDeletions:
    """One pipeline's part in them; without them nothing is deleted."""

    def __init__(self, output: str, deletions: Deletions | None) -> None:
        self._output, self._deletions = output, deletions

    def settled(self, found: Found) -> None:
        """All that is in the file is settled, and nothing more is to come."""
        if self._deletions:
            self._deletions.settled(self._output, found)

    def forget(self, found: Found) -> bool:
        """Whether the file, which is not there any more, was deleted here."""
        return self._deletions is not None and self._deletions.forget(self._output, found)


def _version(found: Found) -> _Version:
    return found.device, found.inode, found.size, found.mtime_ns
