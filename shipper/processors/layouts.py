"""Go's layouts of times: the reference time `Mon Jan 2 15:04:05 MST 2006`, written as wanted.

The grammar of layouts, and what they accept beyond it (a fraction behind the seconds, more
spaces), are those of Go's package time.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple, Self

from msgspec import Struct

from shipper.processors.dates import DAYS, MONTHS

_SHORT = 3
_MONTH_NUMBERS = {name.lower(): at for at, name in enumerate(MONTHS, start=1)}
_MONTH_NUMBERS |= {name[:_SHORT].lower(): at for at, name in enumerate(MONTHS, start=1)}


def _any(names: Iterator[str] | list[str]) -> str:
    return f"(?i:{'|'.join(names)})"


#: The parts of a layout: what names each part's value, and what its text looks like.
_PARTS: Mapping[str, tuple[str, str]] = {
    "January": ("month_name", _any([*MONTHS])),
    "Jan": ("month_name", _any(name[:_SHORT] for name in MONTHS)),
    "Monday": ("", _any([*DAYS])),
    "Mon": ("", _any(name[:_SHORT] for name in DAYS)),
    "MST": ("zone", r"UTC|GMT(?:[+-]\d{1,2})?|ChST|MeST|[A-Z]{3,4}T?|[+-]\d{2}(?:\d{2})?"),
    "2006": ("year", r"\d{4}"),
    "002": ("day_of_year", r"\d{3}"),
    "__2": ("day_of_year", r"[ \d]{2}\d"),
    "_2": ("day", r" ?\d{1,2}"),
    "01": ("month", r"\d{2}"),
    "02": ("day", r"\d{2}"),
    "03": ("hour_12", r"\d{2}"),
    "04": ("minute", r"\d{2}"),
    "05": ("second", r"\d{2}"),
    "06": ("year_2", r"\d{2}"),
    "15": ("hour", r"\d{1,2}"),
    "1": ("month", r"\d{1,2}"),
    "2": ("day", r"\d{1,2}"),
    "3": ("hour_12", r"\d{1,2}"),
    "4": ("minute", r"\d{1,2}"),
    "5": ("second", r"\d{1,2}"),
    "PM": ("half", r"AM|PM"),
    "pm": ("half", r"am|pm"),
}
_OFFSETS = ("07:00:00", "07:00", "070000", "0700", "07")
_FRACTION = re.compile(r"[.,](0+|9+)(?!\d)")
_NEXT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|_2006|002|__2|_2|0[1-6]|15|PM|pm|[1-5]"
    r"|[Z-](?:07:00:00|07:00|070000|0700|07)|[.,](?:0+|9+)(?!\d)"
)
#: Go reads a fraction behind the seconds although the layout has none.
_SECONDS = {"05", "5"}


class _Found(NamedTuple):
    """A part of the layout: the name of its value, and its pattern."""

    name: str
    pattern: str


class Layout(Struct, frozen=True):
    """A layout, ready to read times."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Any text is a layout; one without a part of a time matches only itself."""
        seen: dict[str, int] = {}
        pieces = [_piece(part, seen) for part in _parts(text)]
        return cls(re.compile("".join(pieces), re.ASCII))

    def read(self, text: str, zone: tzinfo) -> datetime | None:
        """The time in UTC; None if the text is no time of this layout.

        `zone` holds for a text that names none; the present year for one without a year.
        """
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        values = {key: value for key, value in match.groupdict().items() if value is not None}
        try:
            return _time({key.rstrip("_"): value for key, value in values.items()}, zone)
        except (ValueError, OverflowError):
            return None


def _piece(part: _Found, seen: dict[str, int]) -> str:
    if not part.name:
        return f"(?:{part.pattern})"
    seen[part.name] = seen.get(part.name, 0) + 1  # a part can come twice; its last value counts
    return f"(?P<{part.name}{'_' * (seen[part.name] - 1)}>{part.pattern})"


def _parts(text: str) -> Iterator[_Found]:
    end = 0
    for match in _NEXT.finditer(text):
        yield _literal(text[end : match.start()])
        end = match.end()
        yield from _named(match[0], text[end:])
    yield _literal(text[end:])


def _named(part: str, behind: str) -> Iterator[_Found]:
    if part == "_2006":
        yield _Found("", "_")
        part = "2006"
    if part[0] in ".,":
        yield _Found("fraction", rf"[.,]\d{{{len(part) - 1}}}" if part[1] == "0" else r"[.,]\d+|")
    elif part[1:] in _OFFSETS:
        digits = re.sub(r"\d\d", r"\\d\\d", part[1:])
        yield _Found("offset", f"Z|[+-]{digits}" if part[0] == "Z" else f"[+-]{digits}")
    else:
        yield _Found(*_PARTS[part])
    if part in _SECONDS and not _FRACTION.match(behind):
        yield _Found("fraction", r"(?:[.,]\d+)?")


def _literal(text: str) -> _Found:
    """A text between parts: spaces stand for any number of spaces."""
    return _Found("", "".join(" *" if one[0] == " " else re.escape(one) for one in _runs(text)))


def _runs(text: str) -> list[str]:
    return re.findall(r" +|[^ ]+", text)


def _time(values: Mapping[str, str], zone: tzinfo) -> datetime:
    year = _year(values)
    date = datetime(year or _LEAP, _month(values), 1, tzinfo=_zone(values, zone))
    day = int(values.get("day_of_year", values.get("day", "1")))
    month_end = date.replace(month=date.month % 12 + 1, year=date.year + date.month // 12)
    days = (month_end - date).days if "day_of_year" not in values else 366
    if not 1 <= day <= days:
        raise ValueError("no such day")
    if year is None:
        date = date.replace(year=datetime.now(date.tzinfo).year)
    if "day_of_year" in values:
        date = date.replace(month=1)
    date += timedelta(days=day - 1)
    minute, second = (int(values.get(name, "0")) for name in ("minute", "second"))
    microsecond = int(values.get("fraction", "")[1:7].ljust(6, "0"))
    date = date.replace(hour=_hour(values), minute=minute, second=second, microsecond=microsecond)
    return date.astimezone(UTC)


#: A year that has a 29th of February, for a date without a year.
_LEAP = 2000


def _year(values: Mapping[str, str]) -> int | None:
    if "year" in values:
        return int(values["year"]) or None
    if "year_2" in values:
        short = int(values["year_2"])
        return short + (1900 if short >= 69 else 2000)  # noqa: PLR2004 - as in Go and POSIX
    return None


def _month(values: Mapping[str, str]) -> int:
    if "month_name" in values:
        return _MONTH_NUMBERS[values["month_name"].lower()]
    return int(values.get("month", "1"))


_NOON = 12


def _hour(values: Mapping[str, str]) -> int:
    hour = int(values.get("hour_12", values.get("hour", "0")))
    if "hour_12" in values and hour > _NOON:
        raise ValueError("no such hour")
    half = values.get("half", "").upper()
    if half == "PM" and hour < _NOON:
        return hour + _NOON
    return 0 if half == "AM" and hour == _NOON else hour


def _zone(values: Mapping[str, str], zone: tzinfo) -> tzinfo:
    if offset := values.get("offset"):
        return UTC if offset == "Z" else _fixed(offset)
    name = values.get("zone", "")
    if name in {"UTC", "GMT"}:
        return UTC
    if match := re.fullmatch(r"(?:GMT)?([+-]\d{1,2})(\d\d)?", name):
        return timezone(timedelta(hours=int(match[1]), minutes=int(match[2] or 0)))
    # Only a zone's own abbreviations have a meaning; others are UTC, as in Go.
    return zone if not name or name in _abbreviations(zone) else UTC


def _fixed(offset: str) -> tzinfo:
    digits = offset[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = (int(digits[at : at + 2]) for at in (0, 2, 4))
    delta = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-delta if offset[0] == "-" else delta)


def _abbreviations(zone: tzinfo) -> set[str | None]:
    """The names of the zone in winter and in summer."""
    this_year = datetime.now(UTC).year
    return {datetime(this_year, month, 1, tzinfo=zone).tzname() for month in (1, 7)}
