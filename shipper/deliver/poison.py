"""Finding the line on which a destination closes its connection, without blaming lines for outages.

A Logstash that cannot read one line reports it only by closing the connection, and every later
attempt ends in the same way. Lines on which the connection was closed three times in a row are sent
in halves until one line is alone. From then on it is sent after all other lines: if those are
delivered, the destination works, and the next closing is a strike against the line. After four
strikes it is given up.

| since the last closing on the line | this closing |
|---|---|
| (there was none, or the destination was unreachable or silent since) | is the first |
| other lines were taken | is a strike |
| no line was taken, though lines are left that are not in doubt | voids all strikes |
| only lines in doubt are left; no empty window was acknowledged | voids all strikes |
| the same, but one was acknowledged; the line has strikes | is a strike |
| the same; no strikes; at most 8 lines are left, this one for 5 minutes | is a strike |
| the same, with more lines left or a shorter wait | is no strike |

If the destination takes none of many lines, the lines are not the cause, and none is given up.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from shipper.errors import Closed
from shipper.follow.batch import BadLine
from shipper.lines import Lines

#: A restart closes a connection once or twice; after more closings in a row, halves are tried.
_CLOSINGS_TO_HALVE: Final = 3

#: If a destination fails on one line this often and works with all others, the line is the cause.
STRIKES: Final = 4

#: Longer than any Logstash takes to start or stop.
LONELY_S: Final = 300.0

#: Up to this many lines that are left may all be poisonous; more of them are not the cause.
_FEW: Final = 8


class Settleable(Protocol):
    """Lines that are settled together."""

    def lines(self) -> Lines:
        """The lines to send, in order."""
        ...

    def rejects(self) -> Iterator[BadLine]:
        """The lines that are rejected without being sent."""
        ...

    def reject(self, index: int, reason: str) -> BadLine:
        """The line at `index`, which the destination rejected, with the reason."""
        ...

    def counts(self) -> Sequence[tuple[int, int]]:
        """The id of each source, and its number of lines; empty if no source can be held."""
        ...

    def without(self, sources: Collection[int]) -> "Settleable":
        """The part without the lines of these sources."""
        ...


class _Doubt(Struct, frozen=True):
    """The evidence that lines contain a poisonous one: the closings of the connection on them."""

    #: How often in a row it was closed on them, or on a group that contained them.
    closings: int = 0
    #: How many of the last closings are strikes.
    strikes: int = 0
    #: How many lines the destination had taken in total at the last closing.
    taken: int = 0
    #: Whether it acknowledged an empty window after the last closing.
    answered: bool = False
    #: How long they have waited since the first closing.
    waited_s: float = 0.0

    def after(self, error: Closed, taken: int, left: int | None) -> "_Doubt":
        """The doubt after another closing, with `taken` lines taken in total.

        `left` is how many lines are left if all of them are in doubt, else None.
        """
        is_strike = self._is_working(taken, left)
        return replace(
            self,
            closings=self.closings + 1,
            strikes=self.strikes + 1 if is_strike else 0,
            taken=taken,
            answered=error.answers,
        )

    def _is_working(self, taken: int, left: int | None) -> bool:
        """Whether the destination has worked since the last closing (the table above)."""
        if self.closings == 0:
            return False
        if taken > self.taken:
            return True
        if left is None or not self.answered:
            return False
        return self.strikes > 0 or (left <= _FEW and self.waited_s >= LONELY_S)


class Group(Struct, frozen=True):
    """Lines that are sent together."""

    #: Which of the batch's lines they are.
    indexes: Sequence[int]
    lines: Lines
    doubt: _Doubt = _Doubt()
    #: Whether it is one line on which the connection was closed: it is sent after all others.
    is_suspect: bool = False
    #: Why a destination that answers for each line failed on these.
    reason: str = ""

    def closed(self, error: Closed, taken: int, left: int | None) -> "Group":
        """The same lines after the connection was closed on them (`_Doubt.after`)."""
        doubt = self.doubt.after(error, taken, left)
        return replace(self, doubt=doubt, is_suspect=len(self.lines) == 1)

    def picked(self, places: Sequence[int]) -> "Group":
        """The lines at these places of the group, in the same doubt."""
        indexes = [self.indexes[at] for at in places]
        return replace(self, indexes=indexes, lines=self.lines.pick(places))

    def failed(self, places: Sequence[int], reason: str, taken: int, others: int | None) -> "Group":
        """The lines at these places, after a destination that answers for each failed on them.

        `others` is how many other lines are left if all of them are in doubt, else None.
        """
        group = self.picked(places)
        left = None if others is None else others + len(places)
        doubt = group.doubt.after(Closed("", answers=True), taken, left)
        return replace(group, doubt=doubt, is_suspect=True, reason=reason)

    def halves(self) -> list["Group"]:
        """Both halves, each in the same doubt."""
        middle, end = len(self.lines) // 2, len(self.lines)
        return [
            replace(self, indexes=self.indexes[a:b], lines=self.lines.part(a, b))
            for a, b in ((0, middle), (middle, end))
        ]

    def waited(self, delay_s: float) -> "Group":
        """The same lines after a wait."""
        return replace(self, doubt=replace(self.doubt, waited_s=self.doubt.waited_s + delay_s))

    def cleared(self) -> "Group":
        """The same lines without any doubt."""
        return Group(self.indexes, self.lines)

    @property
    def failures(self) -> int:
        """How often in a row a destination that answers for each line failed on these."""
        return self.doubt.closings if self.reason else 0

    @property
    def is_to_halve(self) -> bool:
        """Whether one of several lines may be poisonous."""
        return self.doubt.closings >= _CLOSINGS_TO_HALVE and len(self.lines) > 1

    @property
    def is_given_up(self) -> bool:
        """Whether the destination has failed on these lines alone, often enough."""
        return self.doubt.strikes >= STRIKES

    @property
    def is_poisonous(self) -> bool:
        """Whether it is one line, which must be given up."""
        return self.is_suspect and self.doubt.strikes >= STRIKES


class Attempt(Struct, frozen=True):
    """The result of sending a group once."""

    #: The groups to send next, in order.
    left: Sequence[Group] = ()
    #: How long to wait first; None to continue immediately.
    delay_s: float | None = None
    #: The lines that will never be taken, by index, and why.
    rejected: Sequence[tuple[int, str]] = ()
    #: The lines that are not taken before a person acts, by index, and why.
    held: Sequence[tuple[int, str]] = ()


class Unsettled:
    """The unsettled part of a batch: groups to send, and the lines that are not taken."""

    __slots__ = ("_groups", "can_hold", "failed", "held", "rejected", "total")

    def __init__(self, batch: Settleable) -> None:
        lines = batch.lines()
        self.total = len(lines)
        # The next one is last.
        self._groups = [Group(range(len(lines)), lines)] if lines else []
        #: Whether the other sources of the lines that are left can go on without them.
        self.can_hold = bool(batch.counts())
        #: By index, with their reasons; those of `failed` are the ones to blame if any lines are.
        self.rejected: list[tuple[int, str]] = []
        self.held: dict[int, str] = {}
        self.failed: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def next(self) -> Group:
        """Take out the group to send next; pass the result to `apply`."""
        return self._groups.pop()

    def in_doubt(self) -> int | None:
        """How many lines are left, the group just taken included, if no other one can be taken."""
        is_all = all(one.is_suspect for one in self._groups)
        return len(self._groups) + 1 if is_all else None

    def apply(self, attempt: Attempt) -> None:
        """Queue what is left, a suspect after all others, and collect what is not taken."""
        self.rejected += attempt.rejected
        self.held.update(attempt.held)
        at = len(self._groups)
        if len(attempt.left) == 1 and attempt.left[0].is_suspect:
            at = max((n for n, one in enumerate(self._groups) if not one.is_suspect), default=0)
        self._groups[at:at] = reversed(attempt.left)

    def hold_failed(self, closings: int) -> None:
        """Hold what is left, if the destination has failed so often on so many lines alone."""
        left = sum(len(one.lines) for one in self._groups)
        if left <= _FEW or any(one.failures < closings for one in self._groups):
            return
        for group in self._groups:
            self.held.update(dict.fromkeys(group.indexes, group.reason))
            self.failed.update(group.indexes)
        self._groups.clear()
