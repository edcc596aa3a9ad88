"""What the search of one event may cost, so that no text holds up a server's event loop."""

import math
from collections.abc import Iterable, Iterator

#: About one microsecond each: a gate that is only tried, one with a pattern, a name, an address.
TRY, PATTERN, NAME = 0.4, 2.5, 4.0
#: Characters that a pattern searches in one unit, if it may begin before its gate.
CHARS_BEFORE = 60
#: A character of a code that is decoded, a group of digits.
CODE, GROUP = 1.0, 1.2
#: A text within another that is searched for itself, and its characters in one unit.
INNER, CHARS_INSIDE = 12.0, 20
#: Characters of texts that are searched together; more are searched in parts, the short first.
TOGETHER = 4096


class Budget:
    """Units of work that are left, and the place in the texts where they ran out.

    Numbers have as many for themselves, so that names do not leave them unsearched.
    """

    __slots__ = ("left", "limit", "of_numbers")

    def __init__(self, left: float = math.inf) -> None:
        self.left = self.of_numbers = left
        self.limit: int | None = None

    def takes(self, cost: float) -> bool:
        """Spend as much; False if there was not enough."""
        self.left -= cost
        return self.left >= 0

    def takes_number(self, cost: float, at: int) -> bool:
        """Spend as much for a number; if there was not enough, nothing is searched from there on."""
        self.of_numbers -= cost
        if self.of_numbers < 0:
            self.ends(at)
        return self.of_numbers >= 0

    def ends(self, at: int) -> None:
        """From this place on nothing is searched."""
        self.limit = at if self.limit is None else min(at, self.limit)


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in parts that are searched together, the short first."""
    batch: list[str] = []
    size = 0
    for text in sorted(dict.fromkeys(texts), key=len):
        if batch and size + len(text) > TOGETHER:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    yield batch
