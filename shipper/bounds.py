"""The bounds of numbers in a configuration."""

from typing import Annotated, Final

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """The smallest and the largest number that is allowed."""

    least: float
    most: float | None = None

    def __contains__(self, number: float) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        least, most = f"{self.least:g}", f"{self.most:g}" if self.most else ""
        return f"{least} to {most}" if most else f"{least} or more"


Count = Annotated[int, Bounds(1)]


Level = Annotated[int, Bounds(0, 9)]


#: Zero would make every timeout expire, and every retry immediate.
Span = Annotated[float, Bounds(0.001)]


#: Marks a field that is not a key of the section; others determine it.
INNER: Final = "inner"
