"""Whose turn it is to be read."""

from collections import OrderedDict
from collections.abc import Iterator

from shipper.deliver.source import Source


class Turns:
    """The files that may have lines to read, one after the other, again and again.

    Of archives, one is read to its end before the next: to come back to one is to unpack it again.
    """

    __slots__ = ("_archive", "_archives", "_turns")

    def __init__(self) -> None:
        self._turns: OrderedDict[Source, None] = OrderedDict()
        # That which is being read, and those behind it.
        self._archive: Source | None = None
        self._archives: OrderedDict[Source, None] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __contains__(self, source: Source) -> bool:
        return source in self._turns or source in self._archives

    def __iter__(self) -> Iterator[Source]:
        yield from self._turns
        yield from self._archives

    def add(self, source: Source) -> None:
        """It may have something, and gets its turn."""
        if source.is_archive and self._archive not in (source, None):
            self._archives[source] = None
            return
        if source.is_archive:
            self._archive = source
        self._turns[source] = None

    def pop(self) -> Source:
        """Whose turn it is; `add` it again or tell `done`."""
        return self._turns.popitem(last=False)[0]

    def done(self, source: Source) -> None:
        """It has nothing more, or is followed no more."""
        self._turns.pop(source, None)
        self._archives.pop(source, None)
        if source is self._archive:
            source.rest()
            self._archive = None
            if self._archives:
                self.add(self._archives.popitem(last=False)[0])
