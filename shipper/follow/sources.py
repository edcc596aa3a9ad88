"""The followed files, by what the file system knows them by."""

from collections.abc import Iterable, Iterator

from shipper.follow.discover import Found
from shipper.follow.source import Source


class Sources:
    """One source for each device and inode."""

    __slots__ = ("_by_device",)

    def __init__(self) -> None:
        # Pairs as keys would cost more than the table they are in.
        self._by_device: dict[int, dict[int, Source]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_device.values()))

    def __iter__(self) -> Iterator[Source]:
        for inodes in self._by_device.values():
            yield from inodes.values()

    def at(self, found: Found) -> Source | None:
        """The source of that file."""
        return self._by_device.get(found.device, {}).get(found.inode)

    def add(self, source: Source) -> None:
        """Keep it."""
        self._by_device.setdefault(source.found.device, {})[source.found.inode] = source

    def remove(self, source: Source) -> None:
        """Keep it no longer."""
        del self._by_device[source.found.device][source.found.inode]

    def changed(self, listed: Iterable[Found]) -> list[Found]:
        """Of all files that there are, those that are not followed or other than they were.

        Of many files nearly all are as they were: they are marked as listed, and nothing is kept
        of this look at them.
        """
        for source in self:
            source.is_listed = False
        changed = []
        for found in listed:
            known = self.at(found)
            if known and known.id and known.found == found and not known.is_news(found):
                known.is_listed = True
            else:
                changed.append(found)
        return changed
