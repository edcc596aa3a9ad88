"""Parts of a text that are to be replaced by tokens."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A part of a text that is to be replaced.

    Of spans that overlap, those of the lowest rank stay.
    """

    start: int
    end: int
    token: str
    rank: int = 0


#: Ranks: a form or a name; what a person is reached by; what only looks random.
SURE, NUMBER, PERSON, RANDOM = 0, 1, 2, 3


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; of those of one rank that overlap one is made, with the longest's token."""
    whole: list[Span] = []
    for span in sorted(spans, key=_place):
        if not whole or span.start >= whole[-1].end:
            whole.append(span)
            continue
        before = whole[-1]
        if span.rank > before.rank:
            continue
        if span.rank < before.rank:
            whole[-1] = span
            while len(whole) > 1 and whole[-2].end > span.start:
                del whole[-2]
        elif span.end > before.end:
            longer = before if before.end - before.start >= span.end - span.start else span
            whole[-1] = Span(before.start, span.end, longer.token, span.rank)
    return whole


def _place(span: Span) -> tuple[int, int, int]:
    return span.start, span.rank, -span.end


class Places:
    """Spans without overlaps, to ask which positions they cover."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = joined(spans)
        self._starts = [span.start for span in ordered]
        self._ends = [span.end for span in ordered]

    def covers(self, at: int) -> bool:
        index = bisect_right(self._starts, at) - 1
        return index >= 0 and at < self._ends[index]
