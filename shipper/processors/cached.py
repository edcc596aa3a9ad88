"""A value that is read again when it has become old."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Cached(Generic[_Value]):
    """What `read` gives, read at the first call and again after `ttl_s`."""

    def __init__(
        self, read: Callable[[], _Value], ttl_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._ttl_s, self._clock = read, ttl_s, clock
        self._held: tuple[float, _Value] | None = None

    def __call__(self) -> _Value:
        """The value, at most `ttl_s` old; from any thread."""
        now = self._clock()
        held = self._held
        if held is None or now - held[0] >= self._ttl_s:
            held = self._held = now, self._read()
        return held[1]
