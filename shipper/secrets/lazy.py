"""Patterns that are compiled on their first use, so that a start does not pay for unused kinds."""

import re
from typing import Any, AnyStr, cast


class _Lazy:
    def __init__(self, *given: Any) -> None:
        self._given = given

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(*self._given)
        for method in _METHODS:  # found without this method from now on
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


_METHODS = ("finditer", "fullmatch", "match", "search", "split", "sub")


def lazy(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`, which runs at the first use."""
    return cast("re.Pattern[AnyStr]", _Lazy(pattern, flags))
