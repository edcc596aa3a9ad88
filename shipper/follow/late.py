"""Files that no path names any more: kept open, because a program may still write to them.

A program has its log open when it is renamed or deleted, and writes to it until it is told to open
it again. Only an open handle leads to these lines.
"""

import logging
import time
from collections.abc import Iterator

from shipper.follow.source import Source

_log = logging.getLogger(__name__)

#: Half of the handles (`OpenFiles`): the other half is for files that still have their names.
_MAX_KEPT = 128


class Late:
    """The files that were read to their ends, the one that has been quiet longest first."""

    __slots__ = ("_has_warned", "_quiet_since")

    def __init__(self) -> None:
        self._quiet_since: dict[Source, float] = {}
        self._has_warned = False

    def __len__(self) -> int:
        return len(self._quiet_since)

    def __iter__(self) -> Iterator[Source]:
        yield from tuple(self._quiet_since)

    def keeps(self, source: Source) -> bool:
        """Whether the file, quiet now, has not been quiet for long enough to be closed."""
        now = time.monotonic()
        since = self._quiet_since.setdefault(source, now)
        return now - since < source.found.input.close_inactive_s

    def forget(self, source: Source) -> None:
        """Drop a file that is no longer quiet, that has a name again, or that is closed."""
        self._quiet_since.pop(source, None)

    def surplus(self) -> list[Source]:
        """The files for which there are no handles."""
        kept = list(self)
        surplus = kept[: max(0, len(kept) - _MAX_KEPT)]
        if surplus and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "More than %d renamed or deleted files are open; %s is closed early, and lines "
                "written to it from now on are lost. Let `paths` name the renamed files too. "
                "This is logged once.",
                _MAX_KEPT,
                surplus[0].found.name,
            )
        return surplus
