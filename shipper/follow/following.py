"""The files of one pipeline: which there are, who is who, and who has something to read."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from shipper.follow import discover
from shipper.follow.batch import Batch
from shipper.follow.chunk import Chunk, Limits
from shipper.follow.claims import Claims
from shipper.follow.deletions import OwnDeletions
from shipper.follow.discover import Found, matcher, open_found, patterns
from shipper.follow.handle import Handle, Packed, Torn
from shipper.follow.handles import Handles
from shipper.follow.inputs import InputConfig
from shipper.follow.left_out import Inactive, Unreadable
from shipper.follow.registry import Position
from shipper.follow.source import Source
from shipper.follow.sources import Sources
from shipper.follow.streams import Streams
from shipper.follow.turns import Turns

_log = logging.getLogger(__name__)

#: A batch with less room than this is full: a block that small would be read again and again.
_MIN_ROOM_BYTES = 64 << 10

#: Positions of files unseen for so long are forgotten (a mount may be gone for a while).
_FORGET_AFTER_S = 30 * 24 * 3600


class Following:
    """The followed files; used by the pipeline's thread alone."""

    def __init__(
        self,
        inputs: Sequence[InputConfig],
        positions: Mapping[int, Position],
        limits: Limits,
        inactive: Inactive,
        deletions: OwnDeletions,
    ) -> None:
        """Follow the files of `inputs`; a batch holds at most what `limits` says."""
        self._inputs = inputs
        self._overlaps = discover.Overlaps()
        self._owners = [(matcher(patterns([one])).match, one) for one in inputs]
        self._has_clean = any(one.clean_inactive_s for one in inputs)
        self._positions = positions
        self._limits = limits
        self._inactive = inactive
        self._deletions = deletions
        self._sources = Sources()
        self._streams = Streams()
        self._ready = Turns()
        self._claims = Claims(positions, self._streams, self._ready)
        self._taken: list[Source] = []
        self._handles = Handles()
        self._unreadable = Unreadable()
        # Those that are not where their positions say.
        self._moved: dict[Source, None] = {}
        # Those whose end is sent as it is when it does not grow.
        self._ending: set[Source] = set()
        #: Files that were begun, and those that were let go.
        self.started = self.closed = 0

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def open_files(self) -> int:
        """How many of them have an open handle."""
        return len(self._handles)

    @property
    def left_out(self) -> int:
        """How many files are not followed, being old or packed."""
        return len(self._inactive)

    def sources(self) -> Iterable[Source]:
        """The followed files."""
        return iter(self._sources)

    def scan(self, now_s: int) -> list[int]:
        """Look for new, changed and vanished files; the ids of those that are gone for good."""
        self._note_settled()
        changed = self._sources.changed(discover.scan(self._inputs, self._overlaps))
        # New files first: what one is a copy of may have another name by now, and is known by its
        # old one. Of these, those that are known choose their positions first: after a
        # rotation a new file may begin as the old one does, and has its path. Then short names
        # first: a copy's is longer than its original's.
        changed.sort(key=lambda found: len(found.path))
        for found in sorted(changed, key=self._rank):
            self._see(found)
        paths = {found.path for found in changed if not self._sources.at(found)}
        self._unreadable.keep(paths)
        self._inactive.keep(paths)
        unlisted = [source for source in self._sources if not source.is_listed]
        deleted = [source.id for source in unlisted if self._is_deleted(source)]
        self._offer_for_deletion(now_s)
        return [*deleted, *self._claims.without_copy(), *self._inactive_positions(now_s)]

    def moved(self, now_s: int) -> list[Position]:
        """The positions of files that are elsewhere since their last commit."""
        positions = [source.position(now_s) for source in self._moved]
        self._moved.clear()
        return positions

    def _rank(self, found: Found) -> int:
        """The lower, the earlier it chooses its position."""
        source = self._sources.at(found)
        is_begun = source is not None and source.id > 0
        return 2 if is_begun else int(not self._claims.is_known(found))

    def look(self, paths: Iterable[str]) -> None:
        """Look at these files alone."""
        self._note_settled()
        for path in sorted(paths):
            owner = self._owner(path)
            if owner and (found := discover.look(path, owner)):
                self._see(found)

    def _owner(self, path: str) -> InputConfig | None:
        owners = (one for is_of, one in self._owners if is_of(path))
        return next((one for one in owners if one.scanner.wants(path)), None)

    def next_due(self) -> float | None:
        """When the end of a file is sent as it is, if none of them grows (time.monotonic)."""
        return min((one.due_monotonic or 0.0 for one in self._ending), default=None)

    def wake(self, now_monotonic: float) -> None:
        """Make those ready whose end is due."""
        due = [one for one in self._ending if (one.due_monotonic or 0.0) <= now_monotonic]
        self._ending.difference_update(due)
        for source in due:
            self._ready.add(source)

    @property
    def has_ready(self) -> bool:
        """Whether some file may have lines that can be read now."""
        return bool(self._ready or self._taken)  # what was taken may free the next segment

    def next_batch(self) -> Batch | None:
        """The next lines, a turn for every file that has some; None if there are none."""
        self._note_settled()
        parts: list[tuple[Source, Chunk]] = []
        again: list[Source] = []
        lines_left, bytes_left = self._limits.max_lines, self._limits.max_bytes
        while self._ready and lines_left and bytes_left >= _MIN_ROOM_BYTES:
            source = self._ready.pop()
            if not source.id:  # to go through an archive takes time as well
                bytes_left -= _MIN_ROOM_BYTES
            if not self._can_be_read(source):
                (again.append if source.has_more else self._ready.done)(source)
                continue
            chunk = self._take(source, Limits(lines_left, bytes_left, self._limits.max_line_bytes))
            (again.append if source.has_more else self._ready.done)(source)
            if source.due_monotonic is None:
                self._ending.discard(source)
            else:
                self._ending.add(source)
            if chunk is not None:
                parts.append((source, chunk))
                lines_left -= len(chunk.lines)
                bytes_left -= chunk.size_bytes
        for source in again:
            self._ready.add(source)
        return Batch(parts) if parts else None

    def waiting(self) -> Iterator[Source]:
        """The files that may have lines to read, and have to wait for their turn."""
        return iter(self._ready)

    def close(self) -> None:
        """Close all files."""
        for source in self._sources:
            source.close()

    def _can_be_read(self, source: Source) -> bool:
        """Whether it can be read now; an archive is known before it is."""
        if not source.id:
            source.has_more = False
            if not self._explore(source):
                return False
        if source.segment and not self._streams.has_turn(source.segment):
            source.has_more = False
            return False
        return True

    def _explore(self, source: Source) -> bool:
        """Find out more about an archive that is not begun; whether it is by now."""
        try:
            if not source.explore():
                source.has_more = True
                return False
        except OSError:  # it has just gone, or was replaced: the next scan tells
            self._forget(source)
            return False
        return self._identify(source)

    def _take(self, source: Source, limits: Limits) -> Chunk | None:
        mark = source.mark
        chunk = source.take(limits)
        self._taken.append(source)
        self._handles.use(source)
        if source.mark is not mark:
            self._claims.renew(source)
        return chunk

    def _note_settled(self) -> None:
        """Everything that was taken is settled: learn from it who is who, and whose turn it is."""
        for source in self._taken:
            if source.is_listed:  # else another file may have its path by now
                self._claims.note(source)
            if source.segment:
                self._streams.touch(source.segment)
        self._taken.clear()
        for source in self._streams.freed(self._is_settled):
            self._ready.add(source)

    def _is_settled(self, source: Source) -> bool:
        """Whether all of a segment is settled that has one behind it, so that it cannot grow."""
        if source in self._ready:
            return False
        try:
            if source.has_changed():
                self._ready.add(source)
                return False
        except OSError:
            return False  # the next scan tells what has become of it
        source.tell_unfinished(", and the stream goes on in another segment")
        return True

    def _see(self, found: Found) -> None:
        source = self._sources.at(found) or self._adopt(found)
        if source is None:
            return
        source.is_listed = True
        if source.found.path != found.path:
            self._claims.lose_sight(source)
        if source.found != found:
            source.found = found
        if not source.id and not self._identify(source):
            return
        self._note_place(source)
        self._claims.note(source)
        if source.is_news(found):
            self._ready.add(source)

    def _adopt(self, found: Found) -> Source | None:
        """Follow a new file; not if it is left out or cannot be read."""
        if not self._claims.knows_inode(found) and self._inactive.leaves_out(found):
            return None
        try:
            file = Handle(open_found(found))
        except OSError as error:
            self._unreadable.tell(found.path, str(error.strerror))
            return None
        self._unreadable.tell(found.path, "")
        source = Source(found, file)
        self._sources.add(source)
        self._handles.use(source)
        return source

    def _identify(self, source: Source) -> bool:
        """Find out where to begin; False if that cannot be known yet, or it is a copy."""
        if not source.found.size or self._claims.holds(source):
            return False
        try:
            if source.recognize():
                return self._begin(source)
            self._ready.add(source)
        except Torn:
            source.seen = source.found
        except Packed as error:
            self._inactive.leave_out(source.found, f"it is {error}; unpack it, or exclude it")
            self._forget(source)
            return False
        except OSError:  # it has just gone, or was replaced: the next scan tells
            self._forget(source)
            return False
        if source.is_archive:
            self._claims.expect(source)
        return False

    def _begin(self, source: Source) -> bool:
        if self._claims.begin(source):
            self.started += 1
            self._inactive.is_begun(source.found)
            self._note_place(source)
            return True
        if not self._claims.holds(source):
            self._forget(source)
        return False

    def _note_place(self, source: Source) -> None:
        if self._claims.has_moved(source):
            self._moved[source] = None

    def _is_deleted(self, source: Source) -> bool:
        """Read on what only the handle leads to, let go at its end; True if it is deleted."""
        source.is_listed = False
        if not source.id and not self._is_begun_late(source):
            return False
        if source in self._ready or (source.is_open and source.has_changed()):
            self._ready.add(source)
            return False
        if source.is_open and source.due_monotonic is not None:
            return False
        source.tell_unfinished(", and it is gone")
        is_deleted = self._deletions.forget(source.found) or source.is_deleted()
        may_go = is_deleted and source.found.input.clean_removed
        is_kept = self._claims.may_return(source) or not may_go
        self._forget(source)
        if is_kept:
            self._claims.keep(source.id, is_gone=may_go)
        return not is_kept

    def _is_begun_late(self, source: Source) -> bool:
        """Begin a file that was empty when it was seen, if its handle shows something now."""
        with suppress(OSError):  # no handle leads to it any more
            source.look()
        if self._identify(source):
            self._claims.note(source)  # it may be an archive by now
            return True
        if self._sources.at(source.found) and source not in self._ready:
            source.tell_unfinished(", and it is gone")
            self._forget(source)
        return False

    def _offer_for_deletion(self, now_s: int) -> None:
        """Tell of the files that are settled for good, so that they can be deleted."""
        for source in self._sources:
            delete = source.found.input.delete
            is_quiet = source.found.mtime_ns / 1e9 <= now_s - delete.grace_period_s
            if delete.enabled and is_quiet and source.is_listed and self._is_over(source):
                self._deletions.settled(source.found)

    def _is_over(self, source: Source) -> bool:
        """Whether all of the file is settled, and a segment has been closed."""
        if source in self._ready or not source.id:
            return False
        if source.is_news(source.found) or source.unfinished_bytes() or source.is_damaged:
            return False
        segment = source.segment
        return not segment or self._streams.has_later(segment) or source.is_ended()

    def _inactive_positions(self, now_s: int) -> list[int]:
        """The positions that are forgotten because nothing has changed for long."""
        forgotten = self._claims.drop_older(lambda position: now_s - self._kept_s(position))
        old = [
            source.id
            for source in self._sources
            if (after_s := source.found.input.clean_inactive_s)
            and source.found.mtime_ns / 1e9 < now_s - after_s
            and source.id in self._positions
            and source not in self._ready
        ]
        return [*old, *forgotten]

    def _kept_s(self, position: Position) -> float:
        if not self._has_clean:
            return _FORGET_AFTER_S
        owner = self._owner(position.path)
        return owner.clean_inactive_s if owner and owner.clean_inactive_s else _FORGET_AFTER_S

    def _forget(self, source: Source) -> None:
        self._sources.remove(source)
        self.closed += bool(source.id)
        self._handles.forget(source)
        self._ready.done(source)
        self._ending.discard(source)
        self._moved.pop(source, None)
        self._claims.forget(source)
        source.close()
