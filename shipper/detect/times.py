"""The times of events as they are written."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_MINUTE = len("2026-11-30T07:04:")


def seconds_of(text: Any) -> float | None:
    """The time of an event in seconds; None if it is no time."""
    try:
        return _minute_s(text[:_MINUTE]) + float(text[_MINUTE:-1])
    except (TypeError, ValueError):
        return None


def text_of(at_s: float) -> str:
    """The time as events write it, to compare texts."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@lru_cache(16)
def _minute_s(text: str) -> float:
    """The minute, as in `2026-11-30T07:04:`; nearly all events are of few."""
    return datetime.fromisoformat(f"{text}00+00:00").timestamp()
