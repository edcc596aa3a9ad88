"""Values by keys that mostly have one each."""

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Groups(Generic[K, V]):
    """What goes by each key, in order; a container only where there are several."""

    __slots__ = ("_first", "_more")

    def __init__(self) -> None:
        self._first: dict[K, V] = {}
        self._more: dict[K, dict[V, None]] = {}

    def of(self, key: K) -> Iterator[V]:
        """All that goes by the key."""
        if key in self._first:
            yield self._first[key]
            yield from self._more.get(key, ())

    def add(self, key: K, value: V) -> None:
        """Put it behind the others, if it is not there."""
        if self._first.setdefault(key, value) != value:
            self._more.setdefault(key, {})[value] = None

    def discard(self, key: K, value: V) -> None:
        """Take it away, if it is there."""
        more = self._more.get(key, {})
        if value in more:
            del more[value]
        elif self._first.get(key) == value:
            del self._first[key]
            if more:
                self._first[key] = next(iter(more))
                del more[self._first[key]]
        if not more:
            self._more.pop(key, None)
