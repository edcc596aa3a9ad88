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
        least, most = f"{self.least:g}", f"{self.most:g}" if self.most and self.most < MOST else ""
        return f"{least} to {most}" if most else f"{least} or more"


#: More than any size, number or identifier has, and an integer of 64 bits for libraries and files.
MOST: Final = 2**53

#: A hundred years: the kernel's and Python's clocks overflow at about three hundred.
LONGEST_S: Final = 100 * 366 * 86_400


Count = Annotated[int, Bounds(1, MOST)]


Level = Annotated[int, Bounds(0, 9)]


#: Zero would make every timeout expire, and every retry immediate.
Span = Annotated[float, Bounds(0.001, LONGEST_S)]


#: Marks a field that is not a key of the section; others determine it.
INNER: Final = "inner"


#: Seconds, zero included; written with a unit in a configuration, as in `1m30s`.
Duration = Annotated[float, Bounds(0, LONGEST_S)]
