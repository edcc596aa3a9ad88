"""Whose turn it is to be read."""

from collections import OrderedDict, deque
from collections.abc import Iterator

from shipper.follow.source import Source


class Turns:
    """The files that may have lines to read, one after the other, again and again.

    Of archives, one is read to its end before the next: to come back to one is to unpack it again.
    """

    __slots__ = ("_archives", "_turns")

    def __init__(self) -> None:
        self._turns: deque[Source] = deque()
        # The first of them is being read.
        self._archives: OrderedDict[Source, None] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._turns)

    def __contains__(self, source: Source) -> bool:
        return source.is_queued or source in self._archives

    def __iter__(self) -> Iterator[Source]:
        yield from self._turns
        yield from (archive for archive in self._archives if not archive.is_queued)

    def add(self, source: Source) -> None:
        """It may have something, and gets its turn."""
        if source.is_archive:
            self._archives.setdefault(source)
            if source is not self._archive:
                return
        if not source.is_queued:
            source.is_queued = True
            self._turns.append(source)

    def pop(self) -> Source:
        """Whose turn it is; `add` it again or tell `done`."""
        source = self._turns.popleft()
        source.is_queued = False
        return source

    def done(self, source: Source) -> None:
        """It has nothing more, or is followed no more."""
        if source.is_queued:
            source.is_queued = False
            self._turns.remove(source)
        if source is self._archive:
            source.rest()
            del self._archives[source]
            if (following := self._archive) is not None:
                self.add(following)
        self._archives.pop(source, None)

    @property
    def _archive(self) -> Source | None:
        return next(iter(self._archives), None)
