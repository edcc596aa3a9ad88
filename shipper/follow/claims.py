"""Decides which position each file gets: its own, a new one, or the one of its original.

Until an archive is scanned to its end its original is unknown. During that time no position is
forgotten, because the archive may have been made of a file that is gone.
"""

import logging
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from shipper.follow.candidates import Originals, Unclaimed, is_certain, may_succeed
from shipper.follow.discover import Found, open_found
from shipper.follow.handle import Handle
from shipper.follow.mark import Mark
from shipper.follow.registry import Committed, Position
from shipper.follow.segments import segment_of
from shipper.follow.source import Source
from shipper.follow.states import Stage
from shipper.follow.streams import Streams
from shipper.record.format import Segment

_log = logging.getLogger(__name__)


class Kind(Enum):
    """The possible identities of a file."""

    #: A file whose position is known.
    FORMER = auto()
    #: A copy of a followed file that still holds its lines.
    COPY = auto()
    #: A copy of a followed file that was cut: it takes over the position.
    SUCCESSOR = auto()
    NEW = auto()


class _Claim(NamedTuple):
    """The identity of a file, and the position that it has a claim to."""

    kind: Kind
    #: The segment of an audit stream that its first line names.
    segment: Segment | None
    #: Its own position, if it is FORMER.
    position: Position | None = None
    #: The file that a COPY or SUCCESSOR is a copy of.
    original: Source | None = None


class Claims:
    """Gives files their positions, and takes them away."""

    __slots__ = (
        "_committed",
        "_copies",
        "_cut",
        "_held",
        "_next_id",
        "_originals",
        "_streams",
        "_unclaimed",
        "_unknown",
    )

    def __init__(self, committed: Committed, streams: Streams) -> None:
        """A file that is a segment joins its stream in `streams`."""
        self._committed, self._streams = committed, streams
        self._unclaimed = Unclaimed(committed)
        self._originals = Originals()
        self._next_id = max((one.id for one in committed), default=0) + 1
        # The paths of the copies of each file, by the id of its position.
        self._copies: dict[int, set[str]] = {}
        # Positions of files that were cut or deleted: forgotten if no copy claims them.
        self._cut: dict[int, None] = {}
        # The sources in Stage.UNKNOWN.
        self._unknown: set[Source] = set()
        # The original of each source in Stage.COPY, and its id then: to find it would take long.
        self._held: dict[Source, tuple[Source, int]] = {}

    # --- questions

    def has_inode(self, found: Found) -> bool:
        """Whether a position without a file names this inode."""
        return self._unclaimed.has_inode(found)

    def has_position(self, found: Found) -> bool:
        """Whether a position without a file fits this file, its inode and its content."""
        if not self._unclaimed.has_inode(found):
            return False
        try:
            file = Handle(open_found(found))
        except OSError:  # reported when it is followed
            return False
        try:
            return self._unclaimed.fits_inode(found, file)
        finally:
            file.close()

    def is_held(self, source: Source) -> bool:
        """Whether it is an unchanged copy of a file that still holds its lines."""
        if source.stage is not Stage.COPY or source.file.may_differ(source.found):
            return False
        original, ident = self._held[source]
        return ident in self._copies and not original.has_left

    def has_moved(self, source: Source) -> bool:
        """Whether its committed position names another place."""
        position, found = self._committed.get(source.id), source.found
        return position is not None and (position.path, position.device, position.inode) != (
            found.path,
            found.device,
            found.inode,
        )

    def may_return(self, source: Source) -> bool:
        """Whether a file that is gone may still exist as a copy, known or not yet known."""
        return bool(self._unknown) or source.id in self._copies

    def decide(self, source: Source) -> _Claim:
        """Decide on the identity of the file; `Torn` if its first line is still incomplete."""
        file = source.file.handle()
        segment = segment_of(file)
        position = self._unclaimed.find(source.found, file, segment)
        if position and is_certain(position, source.found):
            return _Claim(Kind.FORMER, segment, position=position)
        if awaited := self._originals.awaited(source):
            return _Claim(Kind.COPY, segment, original=awaited)
        same = self._streams.source(segment) if segment else None
        original = self._originals.find(source, same)
        if original is None:
            return _Claim(Kind.FORMER if position else Kind.NEW, segment, position=position)
        kind = Kind.SUCCESSOR if may_succeed(source, original) else Kind.COPY
        if position and kind is Kind.SUCCESSOR and position.offset >= original.offset:
            return _Claim(Kind.FORMER, segment, position=position)
        return _Claim(kind, segment, original=original)

    # --- decisions carried out

    def begin(self, source: Source, claim: _Claim) -> None:
        """Give the file the position that it has a claim to; not for a COPY."""
        position = claim.position
        if position:
            self._unclaimed.drop(position.id)
        elif claim.original:
            position = self._handed_over(claim.original, source)
        if position is None:
            self._replace_former(source)
        ident = position.id if position else self._next_id
        self._next_id = max(self._next_id, ident + 1)
        segment = claim.segment
        source.is_sealed = segment is not None
        if segment and self._streams.source(segment):
            segment = None  # another file, with other lines, names the same segment
        source.begin(ident, position or Mark(), segment)
        self._index(source)
        if segment:
            self._streams.add(source, segment)

    def hold(self, copy: Source, original: Source) -> None:
        """Do not read a copy while the original holds its lines."""
        path = copy.found.path
        if path == original.found.path:
            self._originals.suspect(copy, original)
        paths = self._copies.setdefault(original.id, set())
        if path not in paths:
            paths.add(path)
            names = copy.found.name, original.found.name
            _log.info("%s is a copy of %s; its lines are read there.", *names)
        if copy.file.is_archive:
            copy.file.note_seen()
            copy.enter(Stage.COPY)
            self._index(copy, original)

    def expect(self, archive: Source) -> None:
        """Note that the content of an archive is not known yet."""
        archive.enter(Stage.UNKNOWN)
        self._index(archive)

    def renew(self, source: Source) -> None:
        """Give a new position to a file that begins again; a copy may claim the old one."""
        if position := self._committed.get(source.id):
            self._originals.forget(source, position)
            self._unclaimed.add(position)
            self._cut[source.id] = None
        self._copies.pop(source.id, None)
        if source.segment:
            self._streams.forget(source.segment)
        source.begin(self._next_id, Mark(), None)
        self._next_id += 1
        self._originals.note(source)

    def forget(self, source: Source) -> None:
        """Stop following it."""
        self._copies.pop(source.id, None)
        self._originals.forget(source, source.mark)
        if source.segment:
            self._streams.forget(source.segment)
        source.enter(Stage.GONE)
        self._index(source)

    def begin_scan(self) -> None:
        """Forget what the last scan could not decide: this one finds it again."""
        self._originals.drop_suspects()

    # --- names and positions without files

    def note(self, source: Source) -> None:
        """Register the file under its path and first bytes of now, to recognize its copies."""
        self._originals.note(source)

    def forget_name(self, source: Source) -> None:
        """Unregister its path and first bytes, before they change."""
        self._originals.forget(source, source.mark)

    def keep(self, ident: int, *, is_gone: bool) -> None:
        """Keep that position until its file is found again.

        If the file is gone, only an archive that is not known yet can be it: after that the
        position is forgotten, or another file that gets the inode could be taken for this one.
        """
        if position := self._committed.get(ident):
            self._unclaimed.add(position)
            if is_gone and self._unknown:
                self._cut[ident] = None

    def drop_without_copy(self) -> list[int]:
        """Drop the positions of files that were cut and have no copy; their ids.

        A copy exists before its original is cut, so the scan would have found it.
        """
        if self._unknown:
            return []
        gone = [ident for ident in self._cut if self._unclaimed.drop(ident)]
        self._cut.clear()
        return gone

    def drop_older(self, than_s: Callable[[Position], float]) -> list[int]:
        """Drop the positions without files that were last committed before that time; their ids."""
        return self._unclaimed.drop_older(than_s)

    def _index(self, source: Source, original: Source | None = None) -> None:
        """Sort a source by its stage."""
        self._unknown.discard(source)
        self._held.pop(source, None)
        if source.stage is Stage.UNKNOWN:
            self._unknown.add(source)
        elif source.stage is Stage.COPY and original:
            self._held[source] = original, original.id

    def _handed_over(self, original: Source, copy: Source) -> Position | None:
        """Take the position from a file that was cut, for its copy; the file begins again."""
        ident = original.id
        if original.has_left:
            return self._parted(original, copy)
        original.restart()
        self.renew(original)
        self._cut.pop(ident, None)
        return self._unclaimed.drop(ident)

    def _parted(self, original: Source, copy: Source) -> Position:
        """Take the position from a file without a name; late lines get another position."""
        position = original.position_in(copy.file.handle(), int(time.time()))
        self.forget_name(original)
        self._copies.pop(original.id, None)
        if original.segment:
            self._streams.forget(original.segment)
        original.begin_rest(self._next_id)
        self._next_id += 1
        return position

    def _replace_former(self, source: Source) -> None:
        """Let no file but a copy claim the positions of a file that this one has replaced."""
        if former := self._unclaimed.at_place_of(source.found):
            source.restart()
            self._cut.update(dict.fromkeys(former))
