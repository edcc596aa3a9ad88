"""The followed files of one pipeline: found, identified, read in turns, and released at their end.

A file is found by a scan (`discover`) and becomes a source. `Claims` decides which position it
gets. It then takes turns with the others (`Turns`), each turn a chunk of a batch, until no pattern
names it any more and it is read to its end.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain

from shipper.follow import discover
from shipper.follow.batch import Batch, BatchBuilder
from shipper.follow.claims import Claims, Kind
from shipper.follow.deletions import OwnDeletions
from shipper.follow.discover import Found
from shipper.follow.expand import Expansion
from shipper.follow.handle import Packed, Torn
from shipper.follow.inputs import InputConfig
from shipper.follow.late import Late
from shipper.follow.left_out import LeftOut, Problems
from shipper.follow.owners import Owners
from shipper.follow.reader import Limits
from shipper.follow.registry import Committed, Position
from shipper.follow.retention import deletable, inactive, is_gone
from shipper.follow.scan_log import ScanLog
from shipper.follow.source import Source
from shipper.follow.sources import OpenFiles, Sources, Turns
from shipper.follow.states import Place, Stage, Turn
from shipper.follow.streams import Streams
from shipper.follow.taken import Taken


class Following:
    """The followed files; used by the pipeline's thread alone."""

    def __init__(
        self,
        inputs: Sequence[InputConfig],
        committed: Committed,
        limits: Limits,
        left_out: LeftOut,
        deletions: OwnDeletions,
    ) -> None:
        """Follow the files of `inputs`; `limits` are those of a batch."""
        self._inputs = inputs
        self._scan_log = ScanLog()
        self._owners = Owners(inputs)
        self._committed = committed
        self._limits = limits
        self._left_out = left_out
        self._deletions = deletions
        self._sources = Sources()
        self._streams = Streams()
        self._turns = Turns()
        self._claims = Claims(committed, self._streams)
        self._open = OpenFiles()
        self._late = Late()
        # Problems of new files, by path, and of followed ones.
        self._unreadable: Problems[str] = Problems()
        self._problems: Problems[Source] = Problems()
        self._taken = Taken(self._claims, self._streams, self._turns)
        # The sources whose committed positions name another place.
        self._moved: dict[Source, None] = {}
        #: Files that were started, and files that were released.
        self.started = self.closed = 0
        #: Files that were started since this was last emptied, without those of the self-audit.
        self.begun: list[Found] = []

    def __len__(self) -> int:
        return len(self._sources) - len(self._late)  # those are about to be released

    @property
    def open_files(self) -> int:
        """The number of files with an open handle."""
        return len(self._open)

    @property
    def left_out(self) -> int:
        """The number of files that are not followed: old, packed, or reached by a foreign link."""
        return len(self._left_out) + self._scan_log.left_out_count

    @property
    def problems(self) -> Iterator[str]:
        """What cannot be read now, and why."""
        return chain(self._scan_log.problems, self._unreadable, self._problems)

    @property
    def held(self) -> Collection[str]:
        """Why the destination takes no line of some files; empty if it takes all."""
        return self._turns.held

    def sources(self) -> Iterable[Source]:
        """The followed files."""
        return iter(self._sources)

    def unread_lines(self) -> int:
        """The lines after the positions, counted in the files after a `scan`; reads all of them."""
        for source in tuple(self._turns):
            while not source.is_known and self._explore(source):
                pass
        return sum(source.unread_lines() for source in self._sources if source.is_known)

    def close(self) -> None:
        """Close all files."""
        for source in self._sources:
            source.close()

    # --- which files there are

    def scan(self, now_s: int) -> list[int]:
        """Find new, changed and vanished files; the ids of positions to forget."""
        self._taken.note_settled()
        self._claims.begin_scan()
        changed = self._sources.relist(discover.scan(self._inputs, self._scan_log))
        self._scan_log.report()
        self._find_late_lines()
        # New files first: a copy is recognised by the old name of its original, which may have been
        # renamed since. Of these, files with a position: after a rotation, a new file has the path
        # of the old one, and may begin with the same bytes. Then short names: a copy's is longer.
        changed.sort(key=lambda found: len(found.path))
        for found in sorted(changed, key=self._rank):
            self._see(found)
        paths = {found.path for found in changed if not self._sources.at(found)}
        self._unreadable.keep(paths)
        self._left_out.keep(paths)
        unlisted = [source for source in self._sources if not source.is_listed]
        gone = [ident for source in unlisted for ident in self._end_unlisted(source)]
        gone += [ident for source in self._late.surplus() for ident in self._release(source)]
        for source in deletable(self._sources, self._streams, now_s):
            if source not in self._problems:
                self._deletions.settled(source.found)
        gone += self._claims.drop_older(lambda one: now_s - self._owners.kept_s(one.path))
        gone += self._claims.drop_without_copy()
        return [*gone, *inactive(self._sources, self._committed, now_s)]

    def check(self, paths: Iterable[str]) -> None:
        """Check these files alone."""
        self._taken.note_settled()
        expansion = Expansion(ScanLog())
        for path in sorted(paths):
            owner = self._owners.of(path)
            if owner and (found := discover.find(path, owner, expansion)):
                self._see(found)

    def moved(self, now_s: int) -> list[Position]:
        """The positions, to be committed, of files that have moved since their last commit."""
        positions = [source.relocate(now_s) for source in self._moved]
        self._moved.clear()
        return positions

    def _rank(self, found: Found) -> int:
        """The order in which files choose their positions, lowest first."""
        source = self._sources.at(found)
        if source is not None and source.is_known:
            return 2
        return 0 if self._claims.has_position(found) else 1

    def _see(self, found: Found) -> None:
        """Follow a file that was found, and give it a turn if it may have something to read."""
        source = self._sources.at(found)
        if source and source.has_lost_inode_to(found):
            self._forget(source)
            self._claims.keep(source.id, is_gone=False)
            source = None
        source = source or self._adopt(found)
        if source is None:
            return
        if source.found.path != found.path:
            self._claims.forget_name(source)
        source.relist(found)
        if not source.is_known:
            self._identify(source)
        if source.is_known:
            self._note_place(source)
            self._claims.note(source)
            if source.file.may_differ(found):
                self._turns.add(source)

    def _adopt(self, found: Found) -> Source | None:
        """Start to follow a new file, unless it is left out or cannot be read."""
        if not self._claims.has_inode(found) and (reason := self._left_out.reason(found)):
            self._left_out.add(found, reason)
            return None
        source = Source(found)
        try:
            source.file.handle()
        except OSError as error:
            problem = f"cannot be read ({error.strerror}); trying again"
            self._unreadable.report(found.path, found.path, problem)
            return None
        self._unreadable.report(found.path, found.path, "")
        self._sources.add(source)
        self._open.use(source)
        return source

    def _note_place(self, source: Source) -> None:
        if self._claims.has_moved(source):
            self._moved[source] = None

    # --- the identity of a file

    def _identify(self, source: Source) -> None:
        """Find out what the file is: after that it is known, or waits, or is no longer followed."""
        if not source.found.size or self._claims.is_held(source):
            return
        try:
            source.file.recognize()
            if not source.file.is_explored:
                self._turns.add(source)
            elif source.file.is_being_written:
                source.file.note_seen()
            else:
                self._begin(source)
                return
        except Torn:
            source.file.note_seen()
        except Packed as error:
            self._left_out.add(source.found, f"it is {error}; unpack it, or exclude it")
            self._forget(source)
            return
        except OSError:  # gone or replaced: the next scan finds out
            self._forget(source)
            return
        if source.file.is_archive:
            self._claims.expect(source)

    def _begin(self, source: Source) -> None:
        """Decide what the file is, and act on it."""
        claim = self._claims.decide(source)
        if claim.original and claim.kind is Kind.COPY:
            self._claims.hold(source, claim.original)
            if not source.file.is_archive:
                self._forget(source)
            return
        self._claims.begin(source, claim)
        if claim.kind is Kind.SUCCESSOR:
            self._moved[source] = None
        if claim.original and not claim.original.has_left:  # it was cut, and begins again
            self._turns.add(claim.original)
        self.started += 1
        if not source.found.input.is_own:
            self.begun.append(source.found)
        self._left_out.discard(source.found)
        self._note_place(source)

    def _explore(self, source: Source) -> bool:
        """Scan the next part of an archive, and identify it at its end; whether there is more."""
        try:
            is_more = not source.file.explore()
        except OSError:  # gone or replaced: the next scan finds out
            self._forget(source)
            return False
        if not is_more:
            self._identify(source)
        return is_more

    # --- the next lines

    @property
    def has_ready(self) -> bool:
        """Whether a file may have lines that can be read now."""
        return bool(self._turns or self._taken)  # a settled segment may free the next one

    def waiting(self) -> Iterator[Source]:
        """The files that wait for their turn to be read."""
        return iter(self._turns)

    def next_due(self) -> float | None:
        """When the next incomplete end of a file is sent unchanged (time.monotonic)."""
        return self._turns.next_due()

    def wake(self, now_monotonic: float) -> None:
        """Give a turn to the files whose incomplete end is due."""
        self._turns.wake(now_monotonic)

    def hold(self, batch: Batch, held: Mapping[int, str]) -> None:
        """Let sources of the batch wait, whose ids are in `held`, each with the reason."""
        self._turns.hold((source for source, _ in batch.parts), held)

    def next_batch(self) -> Batch | None:
        """The next lines, with a turn for each file that has some; None if there are none."""
        self._taken.note_settled()
        builder = BatchBuilder(self._limits)
        again: list[Source] = []
        while self._turns and builder.has_room:
            source = self._turns.pop()
            turn = self._give_turn(source, builder)
            if turn is Turn.QUEUED:
                again.append(source)
            else:
                self._turns.leave(source, turn)
        for source in again:
            self._turns.again(source)
        return builder.batch()

    def _give_turn(self, source: Source, builder: BatchBuilder) -> Turn:
        """Read from the file, or scan an archive; returns the turn that the file waits for next."""
        if not source.is_known:
            builder.count_scan_step()
            if self._explore(source):
                return Turn.QUEUED
        if not source.is_known or not self._streams.has_turn(source):
            return Turn.NONE
        return self._read(source, builder)

    def _read(self, source: Source, builder: BatchBuilder) -> Turn:
        read = source.read_chunk(builder.room())
        self._problems.report(source, source.found.path, read.problem)
        self._taken.add(source)
        self._open.use(source)
        if read.is_restarted:
            self._claims.renew(source)
        if read.chunk is not None:
            builder.add(source, read.chunk)
        return read.turn

    # --- the end of a file

    def _find_late_lines(self) -> None:
        """Give a turn to files that were written to after they were renamed or deleted.

        This comes before any new file is identified, which may be a copy that has these lines.
        """
        for source in self._late:
            if source.is_listed:
                self._late.forget(source)
            elif source.is_known and source.file.has_changed():
                self._resume(source)

    def _resume(self, source: Source) -> None:
        source.place = Place.UNLISTED
        self._late.forget(source)
        self._turns.add(source)

    def _end_unlisted(self, source: Source) -> Iterator[int]:
        """Read a file that no pattern names to its end, and release it when it stays quiet.

        Yields the id of its position if that is to be forgotten.
        """
        if not source.is_known:
            self._identify_late(source)
        if not source.is_known:
            return
        if source.is_waiting or (source.file.is_open and source.file.has_changed()):
            self._resume(source)
        elif source.due_monotonic is None or not source.file.is_open:
            yield from self._leave(source)

    def _identify_late(self, source: Source) -> None:
        """Identify a file that was empty when it was listed, or release it if it is still empty."""
        with suppress(OSError):  # no handle leads to it any more
            source.file.refresh()
        self._identify(source)
        if source.is_known:
            self._claims.note(source)  # its content may have been packed into an archive
        elif source.stage is not Stage.GONE and not source.is_waiting:
            if source.stage is Stage.NEW and self._may_grow(source):
                return
            source.warn_unfinished(", and it is gone")
            self._forget(source)

    def _leave(self, source: Source) -> Iterator[int]:
        """Keep a file that is settled while it may grow; forget its position if it is deleted."""
        source.leave()
        if not self._may_grow(source):
            yield from self._release(source)
        elif (
            is_gone(source) and not self._claims.may_return(source) and source.id in self._committed
        ):
            yield source.id

    def _may_grow(self, source: Source) -> bool:
        """Whether a program may still write to a file without a name."""
        if not source.file.is_open or source.file.is_archive or self._deletions.has(source.found):
            return False
        is_ended = source.segment is not None and source.file.is_ended()
        return not is_ended and self._late.keeps(source)

    def _release(self, source: Source) -> Iterator[int]:
        source.warn_unfinished(", and it is gone")
        is_deleted_here = self._deletions.forget(source.found)
        may_go = is_gone(source, is_deleted_here=is_deleted_here)
        is_kept = self._claims.may_return(source) or not may_go
        self._forget(source)
        if is_kept:
            self._claims.keep(source.id, is_gone=may_go)
        elif source.id in self._committed:
            yield source.id

    def _forget(self, source: Source) -> None:
        self._sources.remove(source)
        self.closed += source.is_known
        self._open.forget(source)
        self._late.forget(source)
        self._turns.forget(source)
        self._moved.pop(source, None)
        self._problems.forget(source)
        self._claims.forget(source)
        source.close()
