"""Finding files: from patterns to regular files."""

import errno
import glob
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from shipper.follow.expand import Expansion
from shipper.follow.globs import expression
from shipper.follow.inputs import InputConfig
from shipper.follow.links import open_file
from shipper.follow.scan_log import ScanLog
from shipper.shown import shown

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


def find(path: str, owner: InputConfig, expansion: Expansion | None = None) -> Found | None:
    """The regular file at `path`, through links that count; None if there is none."""
    found = (expansion or Expansion(ScanLog())).status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    device = _devices.setdefault(found.st_dev, found.st_dev)
    return Found(path, device, found.st_ino, found.st_size, found.st_mtime_ns, owner)


def open_found(found: Found) -> int:
    """A handle of exactly the file that was found; `OSError` if another one has its path."""
    file = open_file(found.path, is_link_allowed=found.input.scanner.symlinks)
    status = os.fstat(file)
    if (status.st_dev, status.st_ino) == (found.device, found.inode):
        return file
    os.close(file)
    raise OSError(errno.ESTALE, "it was replaced; looking for it again")


def scan(inputs: Sequence[InputConfig], log: ScanLog | None = None) -> Iterator[Found]:
    """Every file that an input names, in order of their paths, each once.

    `log` has what is left out, once the last file is taken.
    """
    log = log or ScanLog()
    log.begin()
    expansion = Expansion(log)
    owners: dict[str, InputConfig] = {}
    for one in inputs:
        for pattern in patterns([one]):
            for path in expansion.paths(pattern):
                if not one.scanner.wants(path):
                    continue
                owner = owners.setdefault(path, one)
                if owner is not one:
                    log.overlap(path, owner, one)
    seen: dict[int, set[int]] = defaultdict(set)
    for path in sorted(owners):
        found = find(path, owners[path], expansion)
        if found is not None and found.inode not in seen[found.device]:
            seen[found.device].add(found.inode)
            yield found


def nothing_named(inputs: Sequence[InputConfig]) -> Iterator[str]:
    """A message for each pattern that names no file now."""
    for one in inputs:
        for pattern in () if one.is_stdin else patterns([one]):
            expansion = Expansion(log := ScanLog())
            if any(find(path, one, expansion) for path in expansion.paths(pattern)):
                continue
            is_directory = os.path.isdir(pattern)  # noqa: PTH112  # thousands a second
            what = f"is a directory; for the files in it use {pattern}/*" if is_directory else _NONE
            why = "; ".join([*log.problems, *log.left_out])
            yield f"input {one.id!r}: {shown(pattern)} {what}{why and ': '}{why}"


_NONE = "names no file now"


def unreadable(inputs: Sequence[InputConfig]) -> Iterator[str]:
    """A message for each named file or directory that is left out, or cannot be read now."""
    log = ScanLog()
    for found in scan(inputs, log):
        try:
            os.close(open_found(found))
        except OSError as error:
            yield f"{found.name} cannot be read ({error.strerror})"
    yield from log.problems
    yield from log.left_out


def matcher(wanted: Sequence[str]) -> re.Pattern[str]:
    """A quick test whether a path may match a pattern; it may match too much.

    The star of `expression` crosses directories, so `**/`, which may be none, becomes a star.
    """
    expressions = (expression(one.replace("**/", "*")) for one in wanted)
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
