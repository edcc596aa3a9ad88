"""The contract of a rule's memory, and the hits that it keeps."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

Group = tuple[str, ...]

#: The `value` of a hit of the row's other query: the events that come first, or end a silence.
OTHER = "other"


class Hit(Struct, frozen=True, array_like=True, order=True):
    """An event that matched: when, in seconds, and its id; `value` is what is counted, if set."""

    at_s: float
    id: str
    value: str = ""


class Reason(Struct, frozen=True):
    """Why an alert fires, for the person who reads it."""

    usual: str
    seen: str


class Memory(Protocol):
    """What a rule remembers of each group; bounded."""

    #: Groups that were forgotten because there were too many.
    forgotten: int

    def hit(self, group: Group, hit: Hit) -> list[Hit]:
        """Add a hit; the hits that make an alert, if this one does."""
        ...

    def remembered(self) -> Iterator[tuple[Group, list[Hit], float]]:
        """What is kept of each group, for `restore`; the quietest group first."""
        ...

    def restore(self, group: Group, hits: list[Hit], at_s: float) -> None:
        """Remember what was kept of a group."""
        ...

    def reason(self, group: Group, hits: list[Hit]) -> Reason:
        """What is usual for the group, and what was seen in these hits."""
        ...


def span_of(seconds: float) -> str:
    """A length of time in words."""
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
