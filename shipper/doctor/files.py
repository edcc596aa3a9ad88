"""Whether this user can read what is shipped and write what is kept, and whether there is room."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from shipper.config import Config
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.follow.discover import nothing_named, patterns, scan, unreadable, watch_roots
from shipper.run.supervise import problems_of_state

_LOW_BYTES, _LOW_SHARE = 1 << 30, 0.05
_FULL_BYTES = 32 << 20
_MAX_NAMED = 5


def state(config: Config) -> Iterator[Finding]:
    """Whether the shipper can keep its positions, and nobody else can change them."""
    found = list(problems_of_state(config.data))
    for one in found:
        what, _, fix = one.what.rpartition(": ")
        yield problem("state", f"{one.where}: {what}", fix, os.EX_NOPERM)
    data = config.data
    there = next(path for path in (data, *data.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        what = f"{user(os.geteuid())} cannot write to {there}"
        fix = f"run this as {user(there.stat().st_uid)}, or: chown {user(os.geteuid())} {there}"
        yield problem("state", what, fix, os.EX_NOPERM)
    elif not found:
        yield ok("state", f"{data} keeps the positions of {user(os.geteuid())}")


def inputs(config: Config) -> Iterator[Finding]:
    """Whether each input names files, and this user can read them."""
    for what in nothing_named(config.inputs):
        yield warning("inputs", what, "check the path, unless nothing was written yet")
    blocked = list(unreadable(config.inputs))
    for what in blocked[:_MAX_NAMED]:
        yield problem("inputs", what, _way_in(config), os.EX_NOPERM)
    if (more := len(blocked) - _MAX_NAMED) > 0:
        yield problem("inputs", f"{more} more of these", _way_in(config), os.EX_NOPERM)
    yield from _of_folders(config)
    if not blocked:
        yield ok("inputs", f"files that can be read: {sum(1 for _ in scan(config.inputs)):,}")


def _way_in(config: Config) -> str:
    """How this user gets to read the segments."""
    owners = {_owner(folder) for folder in _folders(config)} - {None, os.geteuid()}
    names = " or ".join(sorted(user(one) for one in owners if one is not None))
    as_owner = f"run the shipper as {names}" if names else "run the shipper as the files' owner"
    return f"{as_owner}, or give it CAP_DAC_READ_SEARCH (docs/operations.md, Permissions)"


def _of_folders(config: Config) -> Iterator[Finding]:
    """Who else can write into the folders of the inputs, and so plant or remove files."""
    for folder in _folders(config):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            what = f"everybody can add and remove files in {folder} (mode {mode:o})"
            yield warning("inputs", what, f"chmod o-w {folder}")


def _folders(config: Config) -> list[Path]:
    roots = watch_roots(patterns([one for one in config.inputs if not one.is_stdin]))
    return [root for root in roots if root.is_dir()]


def _owner(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except OSError:
        return None


def disks(config: Config) -> Iterator[Finding]:
    """The room on each disk that holds positions or segments."""
    seen = set()
    for path in (config.data, config.audit, *_folders(config)):
        there = next(one for one in (path, *path.parents) if one.exists())
        if (device := there.stat().st_dev) not in seen:
            seen.add(device)
            yield _disk(there)


def _disk(path: Path) -> Finding:
    usage, status = shutil.disk_usage(path), os.statvfs(path)
    free = f"{usage.free / (1 << 30):.1f} GiB of {usage.total / (1 << 30):.1f} GiB free for {path}"
    files_left = status.f_favail if status.f_files else None
    if usage.free < _FULL_BYTES or files_left == 0:
        fix = "make room: a full disk stops shipping and loses events"
        return problem("disk", free, fix, os.EX_IOERR)
    if usage.free < min(_LOW_BYTES, usage.total * _LOW_SHARE):
        return warning(
            "disk", free, "make room for the events of the longest outage that you expect"
        )
    return ok("disk", free)


def user(number: int) -> str:
    """The name of a user, or the number if it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
