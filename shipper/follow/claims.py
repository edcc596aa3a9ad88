"""Which position each file has a claim to: its own, that of a file whose copy it is, or a new one.

Where that cannot be known yet, because an archive has not been gone through, nothing is forgotten:
it may be what has become of a file that is gone.
"""

import logging
from collections.abc import Callable, Mapping

from shipper.follow.discover import Found, open_found
from shipper.follow.handle import Handle
from shipper.follow.mark import Mark
from shipper.follow.originals import Originals, is_left_to
from shipper.follow.registry import Position
from shipper.follow.segments import segment_of
from shipper.follow.source import Source
from shipper.follow.strays import Strays
from shipper.follow.streams import Streams
from shipper.follow.turns import Turns
from shipper.record.format import Segment

_log = logging.getLogger(__name__)


class Claims:
    """Gives files their positions, and takes them away."""

    __slots__ = (
        "_copies",
        "_cut",
        "_held",
        "_next_id",
        "_originals",
        "_positions",
        "_ready",
        "_strays",
        "_streams",
        "_unknown",
    )

    def __init__(self, positions: Mapping[int, Position], streams: Streams, ready: Turns) -> None:
        """A segment joins its stream in `streams`; a file that is to be read anew gets a turn."""
        self._positions, self._streams, self._ready = positions, streams, ready
        self._strays = Strays(positions.values())
        self._originals = Originals()
        self._next_id = max(positions, default=0) + 1
        # The paths of the copies of each file, which is known by its position.
        self._copies: dict[int, set[str]] = {}
        # Positions of files that were cut, or deleted: forgotten where no copy claims them.
        self._cut: dict[int, None] = {}
        # Archives that are yet to be known.
        self._unknown: set[Source] = set()
        # Archives that are copies, and of what: to find it out again would take long.
        self._held: dict[Source, int] = {}

    def knows_inode(self, found: Found) -> bool:
        """Whether a position without a file names this inode."""
        return self._strays.knows_inode(found)

    def is_known(self, found: Found) -> bool:
        """Whether a position without a file is of this very one, inode and content."""
        if not self._strays.knows_inode(found):
            return False
        try:
            file = Handle(open_found(found))
        except OSError:  # told when it is followed
            return False
        try:
            return self._strays.fits_inode(found, file)
        finally:
            file.close()

    def expect(self, archive: Source) -> None:
        """What it holds is not known yet."""
        self._unknown.add(archive)

    def begin(self, source: Source) -> bool:
        """Give a file its position; False if it is a copy of one that still holds its lines."""
        file = source.handle()
        segment = segment_of(file)
        position = self._strays.claim(source.found, file, segment)
        if position is None and (original := self._original(source, segment)):
            if not is_left_to(source, original):
                self._hold(source, original)
                return False
            position = self._handed_over(original)
        if position is None and (former := self._strays.at_place_of(source.found)):
            source.restart()
            self._cut.update(dict.fromkeys(former))
        if segment and self._streams.source(segment):
            segment = None  # another file that says so of itself, and holds other lines
        ident = position.id if position else self._next_id
        self._next_id = max(self._next_id, ident + 1)
        source.begin(ident, position or Mark(), segment)
        self._unknown.discard(source)
        self._held.pop(source, None)
        if segment:
            self._streams.add(source, segment)
        return True

    def holds(self, source: Source) -> bool:
        """Whether it is known for a copy of a file that still holds its lines."""
        return self._held.get(source, 0) in self._copies and not source.is_news(source.found)

    def has_moved(self, source: Source) -> bool:
        """Whether its position says that it is elsewhere."""
        position, found = self._positions.get(source.id), source.found
        return position is not None and (position.path, position.device, position.inode) != (
            found.path,
            found.device,
            found.inode,
        )

    def note(self, source: Source) -> None:
        """Know the file by what it is called and begins with now, for its copies."""
        self._originals.note(source)

    def lose_sight(self, source: Source) -> None:
        """Know it no longer by that, before it changes."""
        self._originals.forget(source, source.mark)

    def renew(self, source: Source) -> None:
        """Another position for a file that begins anew; a copy may claim the old one."""
        if position := self._positions.get(source.id):
            self._originals.forget(source, position)
            self._strays.add(position)
            self._cut[source.id] = None
        self._copies.pop(source.id, None)
        if source.segment:
            self._streams.forget(source.segment)
        source.begin(self._next_id, Mark(), None)
        self._next_id += 1
        self._originals.note(source)

    def forget(self, source: Source) -> None:
        """It is followed no more."""
        self._unknown.discard(source)
        self._held.pop(source, None)
        self._copies.pop(source.id, None)
        self._originals.forget(source, source.mark)
        if source.segment:
            self._streams.forget(source.segment)

    def may_return(self, source: Source) -> bool:
        """Whether a file that is gone may be there still, as a copy that is known or not yet."""
        return bool(self._unknown) or source.id in self._copies

    def keep(self, ident: int, *, is_gone: bool) -> None:
        """Keep that position until its file turns up again.

        If that is gone, it can be an archive that is not known yet and no other one: the position
        could be taken for that of a file which is given its inode.
        """
        if position := self._positions.get(ident):
            self._strays.add(position)
            if is_gone and self._unknown:
                self._cut[ident] = None

    def without_copy(self) -> list[int]:
        """The positions of files that were cut and have no copy: a copy is there before the cut."""
        if self._unknown:
            return []
        gone = [ident for ident in self._cut if self._strays.drop(ident)]
        self._cut.clear()
        return gone

    def drop_older(self, than_s: Callable[[Position], float]) -> list[int]:
        """Drop the positions without files that were last committed before that time; their ids."""
        return self._strays.drop_older(than_s)

    def _original(self, source: Source, segment: Segment | None) -> Source | None:
        same = self._streams.source(segment) if segment else None
        return self._originals.of(source, same)

    def _hold(self, source: Source, original: Source) -> None:
        path = source.found.path
        told = self._copies.setdefault(original.id, set())
        if path not in told:
            told.add(path)
            _log.info("%s is a copy of %s; its lines are read there.", path, original.found.path)
        if source.is_archive:
            self._unknown.discard(source)
            self._held[source] = original.id
            source.seen = source.found

    def _handed_over(self, original: Source) -> Position | None:
        """The position of a file that was cut, for its copy; the file begins anew."""
        ident = original.id
        original.restart()
        self._ready.add(original)
        self.renew(original)
        self._cut.pop(ident, None)
        return self._strays.drop(ident)
