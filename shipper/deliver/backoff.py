"""How long to wait before the next attempt."""

from collections.abc import Callable


class Backoff:
    """Doubling delays with full jitter, from `initial_s` to `max_s`, until there is progress.

    Full jitter (anything from zero up) keeps a fleet of shippers from coming back in step after
    an outage, better than jitter around the delay does.
    """

    __slots__ = ("_bound_s", "_initial_s", "_max_s", "_random")

    def __init__(self, initial_s: float, max_s: float, random: Callable[[], float]) -> None:
        self._initial_s, self._max_s, self._random = initial_s, max_s, random
        self._bound_s = initial_s

    def next_s(self) -> float:
        """The delay to wait now; the next one may be twice as long."""
        bound_s, self._bound_s = self._bound_s, min(self._bound_s * 2, self._max_s)
        return self._random() * bound_s

    def first_s(self) -> float:
        """A delay as at the beginning: for what is to go on, but not at once."""
        return self._random() * self._initial_s

    def reset(self) -> None:
        """Start anew: lines were taken (that a connection was, is no progress)."""
        self._bound_s = self._initial_s
