"""What a number of a configuration may be."""

from typing import Annotated, Final

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """What a number of a configuration may be."""

    least: float
    most: float | None = None

    def __contains__(self, number: float) -> bool:
        return self.least <= number and (self.most is None or number <= self.most)

    def __str__(self) -> str:
        least, most = f"{self.least:g}", f"{self.most:g}" if self.most else ""
        return f"{least} to {most}" if most else f"{least} or more"


Count = Annotated[int, Bounds(1)]


Level = Annotated[int, Bounds(0, 9)]


#: Seconds; written with a unit in a configuration, as in `1m30s`.
Duration = Annotated[float, Bounds(0)]


#: A duration above zero: at zero nothing would ever be in time, and retries would not wait.
Span = Annotated[float, Bounds(0.001)]


#: Marks what is no key of the section, but follows from others.
INNER: Final = "inner"
