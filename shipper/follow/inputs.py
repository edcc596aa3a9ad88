"""The configuration of an input, as far as it concerns files."""

import os
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from shipper.bounds import Duration
from shipper.forms.base import Form
from shipper.forms.ndjson import NDJSON
from shipper.patterns import Pattern


class Scanner(Struct, frozen=True, kw_only=True):
    """Which of the files that match a path are followed, and how often new ones are searched."""

    check_interval_s: float = 1.0
    #: Whether links to files are followed.
    symlinks: bool = True
    #: If there are any, the path of a file must match one of them, and no excluding pattern.
    include_files: tuple[Pattern, ...] = ()
    exclude_files: tuple[Pattern, ...] = ()
    #: Files of the shipper itself: following them would write more of them.
    own_files: tuple[Pattern, ...] = ()

    def wants(self, path: str) -> bool:
        """Whether a file that matches a path is followed."""
        if self.include_files and not any(one.search(path) for one in self.include_files):
            return False
        if any(one.search(path) for one in (*self.exclude_files, *self.own_files)):
            return False
        return self.symlinks or not os.path.islink(path)  # noqa: PTH114  # as below


class Delete(Struct, frozen=True, kw_only=True):
    """Whether files are deleted once every output has them."""

    enabled: bool = False
    #: How long a file must have been unchanged.
    grace_period_s: Duration = 1800.0


class InputConfig(Struct, frozen=True, kw_only=True):
    """Files to follow."""

    #: A name for messages and status.
    id: str = "default"
    #: Files and patterns (`*`, `?`, `[...]`, `**` over directories).
    paths: tuple[str, ...]
    #: How the bytes of the files become lines.
    form: Form = NDJSON
    #: The form of the file at a path, None while that is not known; without it `form` is for all.
    chosen: Callable[[str], Form | None] | None = None
    #: A longer line is skipped in pieces, and only its beginning is kept.
    max_line_bytes: int = 10 << 20
    #: Datasets of audit events that do not begin with `mcp.`: no foreign line keeps such a name.
    audit_datasets: tuple[str, ...] = ()
    #: Whether they are segments of standard input.
    is_stdin: bool = False
    #: Whether they are the shipper's events about itself, which do not count in the account.
    is_own: bool = False
    scanner: Scanner = Scanner()
    delete: Delete = Delete()
    #: A file unchanged for longer is not started; 0: every file is.
    ignore_older_s: float = 0.0
    #: A file unchanged since then is not started.
    ignore_inactive: Literal["", "since_first_start", "since_last_start"] = ""
    #: The position of a file unchanged for longer is forgotten; 0: never while the file exists.
    clean_inactive_s: float = 0.0
    #: Whether the position of a deleted file is forgotten immediately.
    clean_removed: bool = True
    #: A renamed or deleted file is kept open until it has been quiet for so long.
    close_inactive_s: float = 300.0

    def form_of(self, path: str) -> Form | None:
        """How the bytes of the file become lines; None while that is not known."""
        return self.chosen(path) if self.chosen else self.form
