"""The sources of the last batch, and what follows once it is settled."""

from shipper.follow.claims import Claims
from shipper.follow.source import Source
from shipper.follow.sources import Turns
from shipper.follow.streams import Streams


class Taken:
    """The sources of the last batch, until it is settled."""

    __slots__ = ("_claims", "_sources", "_streams", "_turns")

    def __init__(self, claims: Claims, streams: Streams, turns: Turns) -> None:
        """Settled files are registered in `claims`; the next segments get `turns`."""
        self._claims, self._streams, self._turns = claims, streams, turns
        self._sources: list[Source] = []

    def __bool__(self) -> bool:
        return bool(self._sources)

    def add(self, source: Source) -> None:
        """Note that the next batch has lines of it."""
        self._sources.append(source)

    def note_settled(self) -> None:
        """Register the files of the last batch, which is settled now, under their first bytes."""
        for source in self._sources:
            if source.is_listed:  # else another file may have its path
                self._claims.note(source)
            if source.segment:
                self._streams.touch(source.segment)
        self._sources.clear()
        for stream in self._streams.due():
            self._pass_turns(stream)

    def _pass_turns(self, stream: str) -> None:
        """Let the next segments of a stream be read, as far as those before them are settled."""
        while first := self._streams.first(stream):
            try:
                is_settled = not (first.is_waiting or first.file.has_changed())
            except OSError:  # gone: the next scan finds out
                return
            if not is_settled:
                self._turns.add(first)
                return
            first.warn_unfinished(", and the stream continues in another segment")
            self._turns.add(self._streams.pass_turn(stream))
