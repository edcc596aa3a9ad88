"""Open files: as many as are useful, and no more than a process may have."""

from collections import OrderedDict

from shipper.follow.source import Source

#: Open handles: a rotated file can be read to its end as long as its handle is open. More would
#: meet the usual limit of 1024 for a process.
_MAX_OPEN = 256


class Handles:
    """The files with open handles, that which was used longest ago first."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: OrderedDict[Source, None] = OrderedDict()

    def __len__(self) -> int:
        return sum(source.is_open for source in self._open)

    def use(self, latest: Source) -> None:
        """Close the handle that was used longest ago, of those that can be."""
        self._open[latest] = None
        self._open.move_to_end(latest)
        if len(self._open) <= _MAX_OPEN:
            return
        oldest = next((one for one in self._open if _can_close(one)), None)
        if oldest is not None:
            del self._open[oldest]
            oldest.close()

    def forget(self, source: Source) -> None:
        """It is followed no more."""
        self._open.pop(source, None)


def _can_close(source: Source) -> bool:
    """Not if nothing else leads to the file, or if all of an archive would be unpacked again."""
    return source.is_listed and not (source.is_archive and source.has_more)
