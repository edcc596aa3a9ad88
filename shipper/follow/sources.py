"""Collections of followed files: by inode, by turn, and by open handle."""

import time
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from shipper.follow.discover import Found
from shipper.follow.source import Source
from shipper.follow.states import Place, Turn

#: How long a source waits that the destination takes no line of; a person must act.
_HOLD_S = 30.0

#: Of an archive so much is unpacked before others go first: some 0.3 s.
_SHARE_BYTES = 64 << 20

#: Open handles: a rotated file can be read to its end as long as its handle is open. More would
#: exceed the usual limit of 1024 for a process.
_MAX_OPEN = 256


class Sources:
    """One source for each device and inode."""

    __slots__ = ("_by_device",)

    def __init__(self) -> None:
        # Pairs as keys would take more memory than the table itself.
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
        """Drop it."""
        del self._by_device[source.found.device][source.found.inode]

    def relist(self, listed: Iterable[Found]) -> list[Found]:
        """Note which sources are among all `listed` files; the files that are new or changed.

        Nearly all of many files are unchanged; their `Found` is dropped.
        """
        for source in self:
            source.unlist()
        changed = []
        for found in listed:
            known = self.at(found)
            if known:
                known.place = Place.LISTED
            if known and known.is_known and known.file.is_unchanged(found):
                known.relist(found)
                continue
            if known:
                known.note_listed()
            changed.append(found)
        return changed


class Turns:
    """Whose turn it is to be read: the files that may have lines to read take turns.

    Archives are read one after the other, each to its end: to interrupt one means to unpack it
    again, if a second one is interrupted too. An archive that unpacks to very much waits for those
    of which much less was unpacked, so that it delays no other by more than a share.
    """

    __slots__ = ("_archives", "_ending", "_held", "_paused", "_queue", "_reasons")

    def __init__(self) -> None:
        self._queue: deque[Source] = deque()
        # The first of them is being read.
        self._archives: OrderedDict[Source, None] = OrderedDict()
        # The archive that was interrupted last: it can be continued.
        self._paused: Source | None = None
        self._ending: set[Source] = set()
        # Why the destination takes no line of some sources, and until when (time.monotonic) each
        # of them waits; it has its turn in between.
        self._reasons: dict[Source, str] = {}
        self._held: dict[Source, float] = {}

    def __bool__(self) -> bool:
        return bool(self._queue)

    def __iter__(self) -> Iterator[Source]:
        yield from self._queue
        yield from (archive for archive in self._archives if archive.turn is Turn.ARCHIVE)

    def add(self, source: Source) -> None:
        """Give it a turn, unless it waits for one already or has it."""
        if source.turn is Turn.QUEUED or source.turn is Turn.READING or source in self._held:
            return
        self._ending.discard(source)
        if source.file.is_archive:
            self._archives.setdefault(source)
        self._enqueue(source)

    def pop(self) -> Source:
        """The source whose turn it is; end it with `again` or `leave`."""
        source = self._queue.popleft()
        source.wait_for(Turn.READING)
        return source

    def again(self, source: Source) -> None:
        """Give it another turn after its turn, for it has more to read."""
        if source.file.is_archive:
            self._archives.setdefault(source)
            self._yield(source)
        self._enqueue(source)

    def leave(self, source: Source, turn: Turn = Turn.NONE) -> None:
        """Give it no turn until it is added again, or until its end is due."""
        if source.turn is Turn.QUEUED:
            self._queue.remove(source)
        source.wait_for(turn)
        (self._ending.add if turn is Turn.END else self._ending.discard)(source)
        self._held.pop(source, None)
        is_first = source is self._first_archive
        self._archives.pop(source, None)
        if source is self._paused:
            self._paused = None
            source.file.rest()
        if is_first:
            source.file.rest()
            if (following := self._first_archive) is not None:
                self.add(following)

    def forget(self, source: Source) -> None:
        """Drop it."""
        self.leave(source)
        self._reasons.pop(source, None)

    @property
    def held(self) -> Collection[str]:
        """Why the destination takes no line of some sources; empty if it takes all."""
        return self._reasons.values()

    def hold(self, sources: Iterable[Source], held: Mapping[int, str]) -> None:
        """Of the `sources`, let those wait whose ids are in `held`, each with the reason."""
        if not (held or self._reasons):
            return
        for source in sources:
            if reason := held.get(source.id):
                self.leave(source, Turn.HELD)
                self._held[source] = time.monotonic() + _HOLD_S
                self._reasons[source] = reason
            else:
                self._reasons.pop(source, None)

    def next_due(self) -> float | None:
        """When the next incomplete end of a file, or held file, is due (time.monotonic)."""
        ends = (one.due_monotonic or 0.0 for one in self._ending)
        return min((*ends, *self._held.values()), default=None)

    def wake(self, now_monotonic: float) -> None:
        """Give a turn to the files that are held until now, or whose incomplete end is due."""
        for source in [one for one, until in self._held.items() if until <= now_monotonic]:
            del self._held[source]
            self.add(source)
        for source in tuple(self._ending):
            if (source.due_monotonic or 0.0) <= now_monotonic:
                self.add(source)

    def _enqueue(self, source: Source) -> None:
        if source.file.is_archive and source is not self._first_archive:
            source.wait_for(Turn.ARCHIVE)
        else:
            source.wait_for(Turn.QUEUED)
            self._queue.append(source)

    def _yield(self, archive: Source) -> None:
        """Let an archive of which much less was unpacked go before this one."""
        if not (level := _level(archive)) or archive is not self._first_archive:
            return
        least = min(self._archives, key=_level)
        if _level(least) >= level:
            return
        if self._paused not in (None, archive):
            self._paused.file.rest()
        self._paused = archive
        self._archives.move_to_end(archive)
        self._archives.move_to_end(least, last=False)
        self.add(least)

    @property
    def _first_archive(self) -> Source | None:
        return next(iter(self._archives), None)


def _level(archive: Source) -> int:
    """How much was unpacked of it: 0 up to a share, one more for each four times as much."""
    return ((archive.file.unpacked_bytes // _SHARE_BYTES).bit_length() + 1) // 2


class OpenFiles:
    """The sources with open handles, the one that was used longest ago first."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: OrderedDict[Source, None] = OrderedDict()

    def __len__(self) -> int:
        return sum(source.file.is_open for source in self._open)

    def use(self, latest: Source) -> None:
        """Note the use of its handle; if there are too many, close the one used longest ago."""
        self._open[latest] = None
        self._open.move_to_end(latest)
        if len(self._open) <= _MAX_OPEN:
            return
        oldest = next((one for one in self._open if _can_be_closed(one)), None)
        if oldest is not None:
            del self._open[oldest]
            oldest.close()

    def forget(self, source: Source) -> None:
        """Drop it."""
        self._open.pop(source, None)


def _can_be_closed(source: Source) -> bool:
    """Whether its path leads to the file again, and no archive has to be unpacked again."""
    is_being_read = source.turn is Turn.QUEUED or source.turn is Turn.READING
    return source.is_listed and not (source.file.is_archive and is_being_read)
