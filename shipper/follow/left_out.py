"""Files that are not followed, or cannot be read: each is reported once."""

import logging
import time
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from shipper.follow.discover import Found
from shipper.shown import shown

_log = logging.getLogger(__name__)

_K = TypeVar("_K", bound=Hashable)


class LeftOut:
    """Files that are not followed because they are old or packed."""

    def __init__(self, first_start_s: float) -> None:
        """`first_start_s` is when the registry was made (time.time)."""
        self._starts = {"since_first_start": first_start_s, "since_last_start": time.time()}
        self._paths: set[str] = set()

    def __len__(self) -> int:
        return len(self._paths)

    def reason(self, found: Found) -> str:
        """Why a file that was never started is older than its input allows; empty if it is not."""
        config, changed_s = found.input, found.mtime_ns / 1e9
        if config.ignore_older_s and changed_s < time.time() - config.ignore_older_s:
            return f"nothing has changed in it for {config.ignore_older_s:g} s (ignore_older)"
        if config.ignore_inactive and changed_s < self._starts[config.ignore_inactive]:
            return f"nothing has changed in it (ignore_inactive: {config.ignore_inactive})"
        return ""

    def add(self, found: Found, reason: str) -> None:
        """Leave the file out, and log the reason once."""
        if found.path not in self._paths:
            self._paths.add(found.path)
            _log.warning("%s is left out: %s.", found.name, reason)

    def discard(self, found: Found) -> None:
        """Note that the file is followed now."""
        self._paths.discard(found.path)

    def keep(self, paths: set[str]) -> None:
        """Forget all other files: they no longer exist."""
        self._paths &= paths


class Problems(Generic[_K]):
    """Problems of files: each is logged once when it begins, and once when it is over."""

    def __init__(self) -> None:
        self._problems: dict[_K, str] = {}

    def __contains__(self, key: _K) -> bool:
        return key in self._problems

    def __iter__(self) -> Iterator[str]:
        return iter(self._problems.values())

    def report(self, key: _K, path: str, problem: str) -> None:
        """Note the present problem of the file; empty if it has none."""
        what = problem and f"{shown(path)} {problem}"
        if self._problems.get(key, "") == what:
            return
        if problem:
            self._problems[key] = what
            _log.warning("%s.", what)
        else:
            del self._problems[key]
            _log.info("%s can be read now.", shown(path))

    def forget(self, key: _K) -> None:
        """Forget the problem of the file without logging."""
        self._problems.pop(key, None)

    def keep(self, keys: Iterable[_K]) -> None:
        """Forget all other files: they no longer exist."""
        self._problems = {key: self._problems[key] for key in self._problems.keys() & set(keys)}
