"""Finding files: from patterns to regular files."""

import errno
import fnmatch
import glob
import logging
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from shipper.follow.inputs import InputConfig
from shipper.shown import shown

_log = logging.getLogger(__name__)

#: One number for the files of each device, where `stat` makes one for each file.
_devices: dict[int, int] = {}


class Found(msgspec.Struct, frozen=True, gc=False):
    """A file as a scan has found it.

    A tuple or a dataclass would be tracked by the garbage collector, and a third larger.
    """

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    #: The first of the inputs that name it.
    input: InputConfig

    @property
    def version(self) -> tuple[int, int]:
        """Size and time of change: a write changes at least one of them."""
        return self.size, self.mtime_ns

    @property
    def name(self) -> str:
        """Its path, safe to print."""
        return shown(self.path)


def patterns(inputs: Sequence[InputConfig]) -> tuple[str, ...]:
    """The patterns of all inputs, absolute, each once."""
    found = (os.path.abspath(p) for one in inputs for p in one.paths)  # noqa: PTH100  # keeps `**`
    return tuple(dict.fromkeys(found))


def find(path: str, owner: InputConfig) -> Found | None:
    """The regular file at `path`, through links; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # thousands a second: no Path objects
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    device = _devices.setdefault(found.st_dev, found.st_dev)
    return Found(path, device, found.st_ino, found.st_size, found.st_mtime_ns, owner)


class Overlaps:
    """Inputs that name the same file: logged once for each two of them."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def report(self, path: str, owner: InputConfig, other: InputConfig) -> None:
        """Log that the file belongs to `owner`, and that `other` names it too."""
        pair = owner.id, other.id
        if pair not in self._logged:
            self._logged.add(pair)
            _log.warning(
                "%s is named by the inputs %r and %r; %r alone ships it, and all other files that "
                "both name.",
                *(shown(path), *pair, owner.id),
            )


def open_found(found: Found) -> int:
    """A handle of exactly the file that was found; `OSError` if another one has its path."""
    file = os.open(found.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(file)
    if (status.st_dev, status.st_ino) == (found.device, found.inode):
        return file
    os.close(file)
    raise OSError(errno.ESTALE, "it was replaced; looking for it again")


def scan(inputs: Sequence[InputConfig], overlaps: Overlaps | None = None) -> Iterator[Found]:
    """Every file that an input names, in order of their paths, each once."""
    owners: dict[str, InputConfig] = {}
    for one in inputs:
        for pattern in patterns([one]):
            for path in _named(pattern):
                if not one.scanner.wants(path):
                    continue
                owner = owners.setdefault(path, one)
                if overlaps and owner is not one:
                    overlaps.report(path, owner, one)
    seen: dict[int, set[int]] = defaultdict(set)
    for path in sorted(owners):
        found = find(path, owners[path])
        if found is not None and found.inode not in seen[found.device]:
            seen[found.device].add(found.inode)
            yield found


def nothing_named(inputs: Sequence[InputConfig]) -> Iterator[str]:
    """A message for each pattern that names no file now."""
    for one in inputs:
        for pattern in () if one.is_stdin else patterns([one]):
            if any(find(path, one) for path in _named(pattern)):
                continue
            is_directory = os.path.isdir(pattern)  # noqa: PTH112  # as above
            what = f"is a directory; for the files in it use {pattern}/*" if is_directory else _NONE
            yield f"input {one.id!r}: {shown(pattern)} {what}"


_NONE = "names no file now"


def _named(pattern: str) -> Iterator[str]:
    """The paths that match; `**` stands for directories of any depth, each entered once."""
    pattern += "/*" if pattern.endswith("/**") else ""
    before, deep, after = pattern.partition("/**/")
    # Path.glob takes no absolute patterns.
    for found in glob.iglob(before or "/"):  # noqa: PTH207
        if deep:
            for folder in _folders(found):
                yield from _named(f"{glob.escape(folder)}/{after}")
        else:
            yield found


def _folders(root: str) -> Iterator[str]:
    """The directory and all below it, except hidden ones; links may lead in circles."""
    seen: set[tuple[int, int]] = set()
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116  # as above
            if (status.st_dev, status.st_ino) in seen:
                continue
            with os.scandir(folder) as entries:
                below = [one.path for one in entries if one.name[0] != "." and one.is_dir()]
        except OSError:  # gone, no directory, or not readable
            continue
        seen.add((status.st_dev, status.st_ino))
        yield folder
        folders += below


def matcher(wanted: Sequence[str]) -> re.Pattern[str]:
    """A quick test whether a path may match a pattern; it may match too much.

    The star of `fnmatch` crosses directories, so `**/`, which may stand for none, becomes a star.
    """
    expressions = (fnmatch.translate(one.replace("**/", "*")) for one in wanted)
    return re.compile("|".join(expressions))


def watch_roots(wanted: Sequence[str]) -> dict[Path, bool]:
    """The directories in which files may appear; True where those below them count too."""
    roots: dict[Path, bool] = {}
    for one in wanted:
        directory, deep = Path(one).parent, False
        while glob.has_magic(str(directory)):
            directory, deep = directory.parent, True
        roots[directory] = roots.get(directory, False) or deep
    return roots
