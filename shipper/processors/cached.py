"""A value that is read again when it is too old."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Cached(Generic[_Value]):
    """The value that `read` returns, read at the first call and again after `ttl_s`."""

    def __init__(
        self, read: Callable[[], _Value], ttl_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._ttl_s, self._clock = read, ttl_s, clock
        self._latest: tuple[float, _Value] | None = None

    def __call__(self) -> _Value:
        """The value, at most `ttl_s` old; any thread may call this."""
        now = self._clock()
        latest = self._latest
        if latest is None or now - latest[0] >= self._ttl_s:
            latest = self._latest = now, self._read()
        return latest[1]
