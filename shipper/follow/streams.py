"""Whose turn it is in an audit stream: its segments are read one after the other."""

import heapq
from collections.abc import Callable, Iterator

from shipper.follow.source import Source
from shipper.record.format import Segment


class Streams:
    """The segments that are not wholly settled, in rows: only the first of a row has its turn."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[int, int, Source]]] = {}
        self._known: dict[Segment, Source] = {}
        self._latest: dict[str, int] = {}
        self._due: set[str] = set()

    def source(self, segment: Segment) -> Source | None:
        """The followed file of that segment."""
        return self._known.get(segment)

    def add(self, source: Source, segment: Segment) -> None:
        """Put a segment in its place; of each there is one file."""
        self._known[segment] = source
        self._latest[segment.stream] = max(segment.number, self._latest.get(segment.stream, 0))
        heapq.heappush(
            self._rows.setdefault(segment.stream, []), (segment.number, id(source), source)
        )
        self._due.add(segment.stream)

    def forget(self, segment: Segment) -> None:
        """Its file is followed no more."""
        source = self._known.pop(segment)
        row = self._rows.get(segment.stream, [])
        row[:] = [one for one in row if one[2] is not source]
        heapq.heapify(row)
        self._due.add(segment.stream)
        if not row:
            self._rows.pop(segment.stream, None)
            self._latest.pop(segment.stream, None)

    def has_turn(self, segment: Segment) -> bool:
        """Whether all before it in its stream is settled, so far as it is there."""
        row = self._rows.get(segment.stream)
        return not row or segment.number <= row[0][0]

    def has_later(self, segment: Segment) -> bool:
        """Whether a later segment of its stream is there, so that it cannot grow."""
        return segment.number < self._latest.get(segment.stream, 0)

    def touch(self, segment: Segment) -> None:
        """Its file was read; `freed` looks at it."""
        self._due.add(segment.stream)

    def freed(self, is_settled: Callable[[Source], bool]) -> Iterator[Source]:
        """The segments whose turn has come, because those before them are settled."""
        while self._due:
            row = self._rows.get(self._due.pop(), [])
            while len(row) > 1 and is_settled(row[0][2]):
                heapq.heappop(row)
                yield row[0][2]
