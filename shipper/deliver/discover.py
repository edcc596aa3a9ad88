"""Which files there are: patterns to regular files."""

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from shipper.deliver.form import NDJSON, Form


@dataclass(frozen=True, slots=True, kw_only=True)
class InputConfig:
    """Files to follow."""

    #: A name for messages and status.
    id: str = "default"
    #: Files and patterns (`*`, `?`, `[...]`, `**` over directories).
    paths: tuple[str, ...]
    #: What the files hold.
    form: Form = NDJSON
    #: Whether they are segments of standard input.
    is_stdin: bool = False


class Found(NamedTuple):
    """A file as a look at its directory shows it."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    #: The first of the inputs that name it.
    input: InputConfig


def patterns(inputs: Sequence[InputConfig]) -> tuple[str, ...]:
    """The patterns of all inputs, absolute, each once."""
    found = (os.path.abspath(p) for one in inputs for p in one.paths)  # noqa: PTH100  # keeps `**`
    return tuple(dict.fromkeys(found))


def look(path: str, of: InputConfig) -> Found | None:
    """The regular file at `path`, through links; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  # thousands a second: no Path objects
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return Found(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, of)


def scan(inputs: Sequence[InputConfig]) -> Iterator[Found]:
    """Every file that an input names, in order of path, each once."""
    owners: dict[str, InputConfig] = {}
    for one in inputs:
        for pattern in patterns([one]):
            # Path.glob takes no absolute patterns.
            for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207
                owners.setdefault(path, one)
    seen: set[tuple[int, int]] = set()
    for path in sorted(owners):
        found = look(path, owners[path])
        if found is not None and (found.device, found.inode) not in seen:
            seen.add((found.device, found.inode))
            yield found


def matcher(wanted: Sequence[str]) -> re.Pattern[str]:
    """A quick test whether a changed path may be of a pattern; may say yes too often."""
    # fnmatch's star crosses directories, so `**/`, which may stand for none, becomes a star.
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
