"""From a pattern to the paths that match it now."""

import errno
import glob
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from shipper.follow import links
from shipper.follow.globs import expression
from shipper.follow.scan_log import ScanLog

#: Nothing is there, or nothing that could hold a file.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}


class Expansion:
    """Expands patterns in one scan: each directory is checked once."""

    def __init__(self, log: ScanLog) -> None:
        self._log = log
        self._is_direct = {"": True, "/": True}

    def paths(self, pattern: str) -> Iterator[str]:
        """The paths that an absolute pattern matches; one without wildcards may not exist.

        `**` stands for directories of any depth, each entered once.
        """
        parts = pattern.split("/")[1:]
        return self._below("", [*parts, "*"] if parts[-1] == "**" else parts)

    def status(self, path: str) -> os.stat_result | None:
        """The status of what `path` leads to; None if it is absent or left out."""
        try:
            status = os.lstat(path)
            is_link = stat.S_ISLNK(status.st_mode)
            if is_link or not self._leads_directly(os.path.dirname(path)):  # noqa: PTH120  # thousands a second: no Path objects
                links.check(path)
                return os.stat(path)  # noqa: PTH116  # as above
        except OSError as error:
            self._note(path, error)
            return None
        return status

    def _below(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        if not parts:
            yield folder
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            for inner in self._folders(folder):
                yield from self._below(inner, rest)
        elif glob.has_magic(part):
            is_match = _matcher(part)
            for entry in self._entries(folder):
                if is_match(entry.name) and (not rest or _is_directory(entry)):
                    yield from self._below(entry.path, rest)
        else:
            yield from self._below(f"{folder}/{part}", rest)

    def _folders(self, root: str) -> Iterator[str]:
        """The directory and all below it, except hidden ones; links may lead in circles."""
        seen: set[tuple[int, int]] = set()
        folders = [root]
        while folders:
            folder = folders.pop()
            status = self.status(folder or "/")
            if status is None or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = self._entries(folder)
            yield folder
            folders += [one.path for one in entries if one.name[0] != "." and _is_directory(one)]

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            if not self._leads_directly(folder):
                links.check(folder)
            with os.scandir(folder or "/") as entries:
                return list(entries)
        except OSError as error:
            self._note(folder, error)
            return []

    def _leads_directly(self, folder: str) -> bool:
        """Whether no link is on the way to the directory."""
        known = self._is_direct.get(folder)
        if known is None:
            before = os.path.dirname(folder)  # noqa: PTH120  # as above
            known = not os.path.islink(folder) and self._leads_directly(before)  # noqa: PTH114
            self._is_direct[folder] = known
        return known

    def _note(self, path: str, error: OSError) -> None:
        if isinstance(error, links.ForeignLink):
            self._log.leave_out(path, error.strerror)
        elif error.errno not in _ABSENT:
            self._log.fail(path, error)


@lru_cache(maxsize=1024)
def _matcher(part: str) -> Callable[[str], object]:
    """Whether a name matches, hidden or not."""
    return re.compile(expression(part)).match


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads where we may not look
        return False
