"""Files that are not followed: those left out, being old or packed, and the unreadable."""

import logging
import time

from shipper.follow.discover import Found

_log = logging.getLogger(__name__)


class Inactive:
    """Looks at files that have not been begun; one that has been is read to its end."""

    def __init__(self, first_start_s: float) -> None:
        """`first_start_s` is when the positions began."""
        self._starts = {"since_first_start": first_start_s, "since_last_start": time.time()}
        self._told: set[str] = set()

    def __len__(self) -> int:
        return len(self._told)

    def leaves_out(self, found: Found) -> bool:
        """Whether the file is older than its input wants files to be."""
        reason = self._reason(found)
        if reason:
            self.leave_out(found, reason)
        return bool(reason)

    def leave_out(self, found: Found, reason: str) -> None:
        """It is not followed for this reason, which is told once."""
        if found.path not in self._told:
            self._told.add(found.path)
            _log.warning("%s is left out: %s.", found.path, reason)

    def is_begun(self, found: Found) -> None:
        """It is left out no longer."""
        self._told.discard(found.path)

    def keep(self, paths: set[str]) -> None:
        """Count only those that are still there."""
        self._told &= paths

    def _reason(self, found: Found) -> str:
        of, changed_s = found.input, found.mtime_ns / 1e9
        if of.ignore_older_s and changed_s < time.time() - of.ignore_older_s:
            return f"nothing has changed in it for {of.ignore_older_s:g} s (ignore_older)"
        if of.ignore_inactive and changed_s < self._starts[of.ignore_inactive]:
            return f"nothing has changed in it (ignore_inactive: {of.ignore_inactive})"
        return ""


class Unreadable:
    """New files that cannot be read, each told of once, and once more when it can be."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}

    def tell(self, path: str, problem: str) -> None:
        """It cannot be read for this reason, or can be, where that is empty."""
        if self._problems.get(path, "") == problem:
            return
        if problem:
            self._problems[path] = problem
            _log.warning("%s cannot be read (%s); trying again.", path, problem)
        else:
            del self._problems[path]
            _log.info("%s can be read now.", path)

    def keep(self, paths: set[str]) -> None:
        """Know only of those that are still there."""
        self._problems = {path: self._problems[path] for path in self._problems.keys() & paths}
