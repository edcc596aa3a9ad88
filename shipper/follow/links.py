"""Symbolic links on the way to a file: which are followed, without a race.

Whoever may create a link in a followed directory would otherwise make the shipper read, or delete,
any file that it can read. The rule is like the kernel's `fs.protected_symlinks`: a link counts if
it belongs to root or to the shipper's user, or if its owner owns what it leads to.
"""

import errno
import os
import stat

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
#: Opens the very link or directory, without reading it. (Where there is no O_PATH, no link counts.)
_LOOK = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS = 40  # as in the kernel


class ForeignLink(PermissionError):
    """A link on the way belongs to a user who does not own what it leads to."""

    strerror: str


def open_file(path: str, *, is_link_allowed: bool = True) -> int:
    """A handle to read the file at the absolute `path`; `OSError` if a link on the way forbids it.

    `is_link_allowed` is whether the path itself may be a link, rather than a directory before it.
    """
    file = os.open(path, _READ if is_link_allowed else _READ | os.O_NOFOLLOW)
    try:
        if not _is_at(file, path):  # a link was followed, or the file was moved
            _check_same(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def open_directory(path: str) -> int:
    """The directory at `path`, for calls that take one; `OSError` if any link leads to it."""
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if _is_at(file, path):
        return file
    os.close(file)
    raise OSError(errno.ELOOP, "a link leads to its directory; name the real one in `paths`")


def check(path: str) -> None:
    """Raise `OSError` if a link on the way to the absolute `path` does not count, or is broken."""
    os.close(_resolved(path))


def _is_at(file: int, path: str) -> bool:
    """Whether `path` has led to the open file without a link; False if that is not known."""
    try:
        return os.readlink(f"/proc/self/fd/{file}") == path  # noqa: PTH115  # thousands a second
    except OSError:
        return False


def _check_same(file: int, path: str) -> None:
    """Raise `OSError` unless the links on the way count and lead to the open file."""
    found = _resolved(path)
    try:
        if not os.path.samestat(os.fstat(found), os.fstat(file)):
            raise OSError(errno.ESTALE, "it was replaced; looking for it again")
    finally:
        os.close(found)


def _resolved(path: str) -> int:
    """A handle of what `path` leads to, walked part by part, so that nothing can be replaced."""
    # A number stands for the owner of a link that ends there.
    ahead: list[str | int] = [*reversed(path.split("/"))]
    at, links = os.open("/", _LOOK), 0
    try:
        while ahead:
            part = ahead.pop()
            if isinstance(part, int):
                _check_owner(at, part)
                continue
            found = os.open(part or ".", _LOOK, dir_fd=at)
            target = _put_target(found, ahead)
            if target is None:
                os.close(at)
                at = found
                continue
            os.close(found)
            if target.startswith("/"):
                os.close(at)
                at = os.open("/", _LOOK)
            links += 1
            _check_count(links)
    except BaseException:
        os.close(at)
        raise
    return at


def _put_target(found: int, ahead: list[str | int]) -> str | None:
    """Put the parts of a link's target in front of those `ahead`; None if it is no link."""
    status = os.fstat(found)
    if not stat.S_ISLNK(status.st_mode):
        return None
    target = os.readlink("", dir_fd=found)  # of the open link itself
    if status.st_uid not in {0, os.geteuid()}:
        ahead.append(status.st_uid)
    ahead += reversed(target.split("/"))
    return target


def _check_count(links: int) -> None:
    if links > _MAX_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _check_owner(found: int, owner: int) -> None:
    if os.fstat(found).st_uid != owner:
        what = f"it is reached through a link of user {owner}, who does not own what it leads to"
        raise ForeignLink(errno.EACCES, what)
