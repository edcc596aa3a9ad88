"""Finding the line on which a destination closes its connection, without ever blaming an outage.

A Logstash that cannot read one line says so only by closing the connection, and every later attempt
ends the same way. Lines on which the connection was closed three times in a row are sent in halves,
until one is alone. A closing counts against them only if other lines were taken since the last one;
one without that makes the count begin anew, and so does any sign that the destination is away (no
connection, no answer). At four, the line is given up.

A line that is alone waits for its neighbours, whose delivery is the proof. Where none are left, an
acknowledged empty window is as good, if the neighbours have spoken against the line before; of a
few lines that never had any, only when the connection has been closed on them for five minutes. If
nothing at all of many lines gets through, nothing is given up: then it is not the lines.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from shipper.errors import Closed
from shipper.follow.batch import DeadLetter
from shipper.lines import Lines

#: A restart closes a connection once or twice; after so many in a row, halves are worth a try.
_CLOSINGS_TO_HALVE: Final = 3

#: So many coincidences of a failing destination with one line, and of a working one with all its
#: neighbours, are none.
_STRIKES: Final = 4

#: Longer than any Logstash starts or stops.
_LONELY_S: Final = 300.0

#: With so many lines left or fewer, those may all be poisonous; with more it is not the lines.
_FEW: Final = 8


class Batch(Protocol):
    """Lines that are settled together."""

    def lines(self) -> Lines:
        """Those to send, in order."""
        ...

    def rejects(self) -> Iterator[DeadLetter]:
        """Those that are known to be bad beforehand."""
        ...

    def reject(self, index: int, reason: str) -> DeadLetter:
        """The line to send of that index, which the destination refused."""
        ...


class Group(Struct, frozen=True):
    """Lines that are sent together, and what speaks against one of them."""

    #: Which of the batch's lines they are.
    indexes: Sequence[int]
    lines: Lines
    #: How often in a row the connection was closed on them, or on a group that held them.
    closings: int = 0
    #: Whether it is one line, and was so at the last closing: it is in doubt.
    was_alone: bool = False
    #: How many of the last closings count.
    strikes: int = 0
    #: How many lines the destination had taken in all at the last closing.
    taken: int = 0
    #: Whether it acknowledged an empty window after the last closing.
    answered: bool = False
    #: How long they have waited since the first closing.
    waited_s: float = 0.0

    def closed(self, error: Closed, taken: int, cornered: int | None) -> "Group":
        """The same lines after the connection was closed on them.

        `taken` is how many lines the destination has taken in all, `cornered` how many are left if
        they are all in doubt.
        """
        is_accused = bool(self.strikes) or (
            cornered is not None and cornered <= _FEW and self.waited_s >= _LONELY_S
        )
        works = bool(self.closings) and (
            taken > self.taken or (self.answered and cornered is not None and is_accused)
        )
        return replace(
            self,
            closings=self.closings + 1,
            was_alone=len(self.lines) == 1,
            strikes=self.strikes + 1 if works else 0,
            taken=taken,
            answered=error.answers,
        )

    def halves(self) -> list["Group"]:
        """Both halves, with what speaks against the whole."""
        middle, end = len(self.lines) // 2, len(self.lines)
        return [
            replace(self, indexes=self.indexes[a:b], lines=self.lines.part(a, b))
            for a, b in ((0, middle), (middle, end))
        ]

    def waited(self, delay_s: float) -> "Group":
        """The same lines, after so long a wait."""
        return replace(self, waited_s=self.waited_s + delay_s)

    def absolved(self) -> "Group":
        """The same lines, with nothing against them."""
        return Group(self.indexes, self.lines)

    @property
    def is_to_halve(self) -> bool:
        """Whether one of several lines may be to blame."""
        return self.closings >= _CLOSINGS_TO_HALVE and len(self.lines) > 1

    @property
    def is_guilty(self) -> bool:
        """Whether it is one line, and to be given up."""
        return self.strikes >= _STRIKES and self.was_alone


class Unsettled:
    """What is left of a batch: groups to send, the next one last, and dead letters so far."""

    __slots__ = ("_batch", "groups", "letters")

    def __init__(self, batch: Batch) -> None:
        lines = batch.lines()
        self._batch = batch
        self.groups = [Group(range(len(lines)), lines)] if lines else []
        self.letters = list(batch.rejects())

    def reject(self, index: int, reason: str) -> None:
        """Put the line of that index among the dead letters."""
        self.letters.append(self._batch.reject(index, reason))

    def put_back(self, *left: Group) -> None:
        """Send these next; but before a line in doubt send what is not."""
        at = len(self.groups)
        if len(left) == 1 and left[0].was_alone:
            at = max((n for n, one in enumerate(self.groups) if not one.was_alone), default=0)
        self.groups[at:at] = reversed(left)

    def closed(self, group: Group, error: Closed, taken: int) -> Group:
        """The group after the connection was closed on it, and `taken` lines taken in all."""
        others = sum(not one.was_alone for one in self.groups)
        return group.closed(error, taken, None if others else len(self.groups) + 1)
