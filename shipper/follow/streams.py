"""The order within audit streams: the segments of a stream are read one after the other."""

import heapq
from collections.abc import Iterator

from shipper.follow.source import Source
from shipper.record.format import Segment


class Streams:
    """The segments of each stream that are not settled, in order: only the first is read."""

    __slots__ = ("_due", "_known", "_latest", "_rows")

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, int, Source]]] = {}
        self._known: dict[Segment, Source] = {}
        self._latest: dict[str, int] = {}
        # The streams to check: their first segment may be settled.
        self._due: set[str] = set()

    def source(self, segment: Segment) -> Source | None:
        """The followed file of that segment."""
        return self._known.get(segment)

    def add(self, source: Source, segment: Segment) -> None:
        """Put a segment in its place; there is one file for each segment."""
        self._known[segment] = source
        self._latest[segment.stream] = max(segment.number, self._latest.get(segment.stream, 0))
        heapq.heappush(
            self._rows.setdefault(segment.stream, []), (segment.number, id(source), source)
        )
        self._due.add(segment.stream)

    def forget(self, segment: Segment) -> None:
        """Remove a segment whose file is no longer followed."""
        source = self._known.pop(segment)
        row = self._rows.get(segment.stream, [])
        row[:] = [one for one in row if one[2] is not source]
        heapq.heapify(row)
        self._due.add(segment.stream)
        if not row:
            self._rows.pop(segment.stream, None)
            self._latest.pop(segment.stream, None)

    def has_turn(self, source: Source) -> bool:
        """Whether everything before it in its stream is settled; true for other files."""
        if source.segment is None:
            return True
        row = self._rows.get(source.segment.stream)
        return not row or source.segment.number <= row[0][0]

    def has_later(self, segment: Segment) -> bool:
        """Whether a later segment of its stream exists, so that this one cannot grow."""
        return segment.number < self._latest.get(segment.stream, 0)

    def touch(self, segment: Segment) -> None:
        """Note that its file was read, and may be settled."""
        self._due.add(segment.stream)

    def due(self) -> Iterator[str]:
        """The streams to check (`first`, `pass_turn`), each once."""
        while self._due:
            yield self._due.pop()

    def first(self, stream: str) -> Source | None:
        """The segment that has the turn, if another one waits for it."""
        row = self._rows.get(stream, [])
        return row[0][2] if len(row) > 1 else None

    def pass_turn(self, stream: str) -> Source:
        """Pass the turn on from the first segment, which is settled; the one that has it then."""
        row = self._rows[stream]
        heapq.heappop(row)
        return row[0][2]
