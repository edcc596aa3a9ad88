"""What a configured input says about its files."""

import os
import re
from typing import Literal

from msgspec import Struct

from shipper.bounds import Duration
from shipper.forms.base import Form
from shipper.forms.ndjson import NDJSON


class Scanner(Struct, frozen=True, kw_only=True):
    """Which of the files that the paths name count, and how often new ones are looked for."""

    check_interval_s: float = 1.0
    #: Whether a link to a file counts as one.
    symlinks: bool = True
    #: If there are any, one of them must be found in the path of a file; none of the others.
    include_files: tuple[re.Pattern[str], ...] = ()
    exclude_files: tuple[re.Pattern[str], ...] = ()

    def wants(self, path: str) -> bool:
        """Whether the file counts that a pattern names."""
        if self.include_files and not any(one.search(path) for one in self.include_files):
            return False
        if any(one.search(path) for one in self.exclude_files):
            return False
        return self.symlinks or not os.path.islink(path)  # noqa: PTH114  # as below


class Delete(Struct, frozen=True, kw_only=True):
    """Whether files are deleted that every output has."""

    enabled: bool = False
    #: How long nothing must have changed in a file.
    grace_period_s: Duration = 1800.0


class InputConfig(Struct, frozen=True, kw_only=True):
    """Files to follow."""

    #: A name for messages and status.
    id: str = "default"
    #: Files and patterns (`*`, `?`, `[...]`, `**` over directories).
    paths: tuple[str, ...]
    #: What the files hold.
    form: Form = NDJSON
    #: Whether they are segments of standard input.
    is_stdin: bool = False
    scanner: Scanner = Scanner()
    delete: Delete = Delete()
    #: A file that nobody has written to for so long is not begun; 0: every file is.
    ignore_older_s: float = 0.0
    #: Nor one that has not changed since then.
    ignore_inactive: Literal["", "since_first_start", "since_last_start"] = ""
    #: The position of a file without change for so long is forgotten; 0: while the file is there,
    #: never.
    clean_inactive_s: float = 0.0
    #: Whether the position of a deleted file is forgotten at once.
    clean_removed: bool = True
