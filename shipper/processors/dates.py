"""Beats' date formats, in the letters of Joda-Time: `yyyy.MM.dd`; times are in UTC."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

_TOKEN = re.compile(r"'((?:[^']|'')*)'|(([A-Za-z])\3*)|([^A-Za-z']+)")
_SHORT_MONTH, _LONG_NAME = 3, 4
#: As Go and Joda-Time name them.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_NUMBERS: Mapping[str, Callable[[datetime], int]] = {
    "d": lambda time: time.day,
    "D": lambda time: time.timetuple().tm_yday,
    "e": datetime.isoweekday,
    "w": lambda time: time.isocalendar().week,
    "H": lambda time: time.hour,
    "k": lambda time: time.hour or 24,
    "K": lambda time: time.hour % 12,
    "h": lambda time: time.hour % 12 or 12,
    "m": lambda time: time.minute,
    "s": lambda time: time.second,
}


def _year(value: int, width: int) -> str:
    return f"{value % 100:02}" if width == len("yy") else f"{value:0{width}}"


def _month(time: datetime, width: int) -> str:
    if width < _SHORT_MONTH:
        return f"{time.month:0{width}}"
    name = MONTHS[time.month - 1]
    return name[:3] if width == _SHORT_MONTH else name


def _weekday(time: datetime, width: int) -> str:
    name = DAYS[time.weekday()]
    return name if width >= _LONG_NAME else name[:3]


_TEXTS: Mapping[str, Callable[[datetime, int], str]] = {
    "y": lambda time, width: _year(time.year, width),
    "Y": lambda time, width: _year(time.year, width),
    "x": lambda time, width: _year(time.isocalendar().year, width),
    "M": _month,
    "E": _weekday,
    "a": lambda time, _: "AM" if time.hour < 12 else "PM",  # noqa: PLR2004 - noon
    "S": lambda time, width: f"{time.microsecond:06}".ljust(width, "0")[:width],
    "z": lambda _time, _width: "UTC",
    "Z": lambda _time, width: "+00:00" if width > 1 else "+0000",
}


def formatted(pattern: str, time: datetime) -> str:
    """The time in this form; raises `ValueError` for a letter that has no meaning."""
    return "".join(_part(match, time) for match in _tokens(pattern))


def _tokens(pattern: str) -> list[re.Match[str]]:
    found = list(_TOKEN.finditer(pattern))
    if sum(len(one[0]) for one in found) != len(pattern):
        raise ValueError("a ' is not closed")
    return found


def _part(match: re.Match[str], time: datetime) -> str:
    quoted, letters, letter, other = match.groups()
    if quoted is not None:
        return quoted.replace("''", "'") or "'"
    if other is not None:
        return str(other)
    if letter in _NUMBERS:
        return f"{_NUMBERS[letter](time):0{len(letters)}}"
    if letter not in _TEXTS:
        raise ValueError(f"{letters} is not a part of a date; quote text as '{letters}'")
    return _TEXTS[letter](time, len(letters))


def time_of(text: object) -> datetime | None:
    """The time that a text states in ISO 8601, in UTC; None if it states none."""
    if type(text) is not str:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
