"""Who else could have written a file: Filebeat's strict permissions."""

import os
import stat
from pathlib import Path

from shipper.errors import Problem

_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
#: Rights that nobody else may have on a secret.
SECRET = stat.S_IRWXG | stat.S_IRWXO


def problem_of(path: Path, *, forbidden: int = _WRITABLE) -> Problem | None:
    """Why the file cannot be trusted: another user owns it, or others have `forbidden` rights.

    A missing file is not a problem. Raises `PermissionError` if this user may not look.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise
    except OSError as error:
        return Problem(str(path), f"cannot be checked: {error.strerror}")
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid not in {0, os.geteuid()}:
        user = os.geteuid()
        what = f"belongs to user {status.st_uid}; it must belong to user {user}, who runs this,"
        return Problem(str(path), f"{what} or to root: chown {user} {path}")
    if mode & forbidden:
        what, change = ("read or write", "600") if forbidden == SECRET else ("write", "go-w")
        return Problem(str(path), f"others can {what} it (mode {mode:o}): chmod {change} {path}")
    return None
