"""How long to wait before the next attempt."""

from collections.abc import Callable


class Backoff:
    """Doubling delays with full jitter, from `initial_s` to `max_s`, until there is progress.

    Full jitter (a random delay between zero and the bound) keeps a fleet of shippers from returning
    in step after an outage. Jitter around the delay does this less well.
    """

    __slots__ = ("_bound_s", "_initial_s", "_max_s", "_random")

    def __init__(self, initial_s: float, max_s: float, random: Callable[[], float]) -> None:
        self._initial_s, self._max_s, self._random = initial_s, max_s, random
        self._bound_s = initial_s

    def next_s(self) -> float:
        """The delay before the next attempt; doubles the bound for the one after."""
        bound_s, self._bound_s = self._bound_s, min(self._bound_s * 2, self._max_s)
        return self._random() * bound_s

    def first_s(self) -> float:
        """A delay within the initial bound, for work that may continue, but not immediately."""
        return self._random() * self._initial_s

    def reset(self) -> None:
        """Return to the initial delay, because lines were accepted; a connection is not enough."""
        self._bound_s = self._initial_s
