"""Which sources are held: the destination accepts none of their lines, and the others continue.

Elasticsearch answers for each line. If it accepts no line for one data stream (its pipeline is
missing or fails, a privilege is missing), only a person can change that, and the lines are not the
cause. The sources of such lines are read again later; their positions do not move before.

If it fails on lines while it accepts others of the same source, these lines are the cause. The
evidence: it has failed on them four times, over five minutes.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from shipper.deliver.poison import LONELY_S, STRIKES, Unsettled

#: After so many failures on the same lines, the other sources go on.
_FAILURES_TO_HOLD: Final = 3


class _Evidence(Struct):
    """How often, and since when, a destination failed on some lines of a source, but not on all."""

    since: float
    strikes: int = 0


class Decision(Struct, frozen=True):
    """What is held, and what is given up."""

    #: The reason for each source, by its id.
    sources: Mapping[int, str]
    #: Lines that are to blame, by index, with their reasons.
    given_up: Sequence[tuple[int, str]]


class Holding:
    """The evidence about the sources that are held."""

    __slots__ = ("_evidence", "_held")

    def __init__(self) -> None:
        self._evidence: dict[int, _Evidence] = {}
        self._held: set[int] = set()

    @property
    def is_active(self) -> bool:
        """Whether a source is held."""
        return bool(self._held)

    @property
    def closings(self) -> int:
        """How many failures in a row are enough to hold lines: one, if some are held already."""
        return 1 if self._held else _FAILURES_TO_HOLD

    def decide(self, counts: Sequence[tuple[int, int]], rest: Unsettled) -> Decision:
        """Hold each source with a line that is not taken, unless its lines are to blame."""
        sources: dict[int, str] = {}
        given_up: list[tuple[int, str]] = []
        for source, indexes in ranges(counts):
            left = [index for index in indexes if index in rest.held]
            if left and not self._is_to_blame(source, left, indexes, rest):
                sources[source] = rest.held[left[0]]
                self._held.add(source)
            else:
                given_up += ((index, rest.held[index]) for index in left)
                self._held.discard(source)
                self._evidence.pop(source, None)
        return Decision(sources, given_up)

    def _is_to_blame(
        self, source: int, left: Sequence[int], indexes: range, rest: Unsettled
    ) -> bool:
        """Whether these lines of a source, and not all of them, have failed for long enough."""
        rejected = sum(index in indexes for index, _ in rest.rejected)
        is_some = len(left) + rejected < len(indexes)
        if not (is_some and rest.failed.issuperset(left)):
            self._evidence.pop(source, None)
            return False
        now = time.monotonic()
        evidence = self._evidence.setdefault(source, _Evidence(now))
        evidence.strikes += 1
        return evidence.strikes >= STRIKES and now - evidence.since >= LONELY_S


def ranges(counts: Sequence[tuple[int, int]]) -> Iterator[tuple[int, range]]:
    """The indexes of the lines of each source."""
    start = 0
    for source, count in counts:
        yield source, range(start, start + count)
        start += count
