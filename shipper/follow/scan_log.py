"""What a scan leaves out, or cannot look into."""

import logging
from collections.abc import Iterator

from shipper.follow.inputs import InputConfig
from shipper.shown import shown

_log = logging.getLogger(__name__)


class ScanLog:
    """Collects what scans meet, for each path the last; `report` logs it once."""

    def __init__(self) -> None:
        self._overlaps: dict[tuple[str, str], str] = {}
        self._problems: dict[str, str] = {}
        self._left_out: dict[str, str] = {}
        self._reported: set[str] = set()

    def begin(self) -> None:
        """Begin a scan."""
        self._problems, self._left_out = {}, {}

    @property
    def problems(self) -> Iterator[str]:
        """What the last scan could not look into, and why."""
        return (f"{shown(path)} {what}" for path, what in self._problems.items())

    @property
    def left_out(self) -> Iterator[str]:
        """What the last scan left out, and why."""
        return (f"{shown(path)} is left out: {why}" for path, why in self._left_out.items())

    @property
    def left_out_count(self) -> int:
        """How much the last scan left out."""
        return len(self._left_out)

    def leave_out(self, path: str, reason: str) -> None:
        """Note that the file or directory at `path` is not followed."""
        self._left_out[path] = reason

    def fail(self, path: str, error: OSError) -> None:
        """Note that the file or directory at `path` cannot be looked into."""
        self._problems[path] = f"cannot be looked into ({error.strerror})"

    def overlap(self, path: str, owner: InputConfig, other: InputConfig) -> None:
        """Note that the file belongs to `owner`, and that `other` names it too."""
        self._overlaps.setdefault(
            (owner.id, other.id),
            f"{shown(path)} is named by the inputs {owner.id!r} and {other.id!r}; {owner.id!r} "
            "alone ships it, and all other files that both name",
        )

    def report(self) -> None:
        """Log what is new; a problem that ends and returns is new."""
        now = {*self._overlaps.values(), *self.problems, *self.left_out}
        for what in now - self._reported:
            _log.warning("%s.", what)
        self._reported = now
