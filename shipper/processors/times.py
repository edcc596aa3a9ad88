"""Times: `timestamp`, which reads one from a field, and `add_locale`, the machine's zone."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shipper.processors.convert import to_type
from shipper.processors.event import MISSING, Event, Misfit, find, mentions, put
from shipper.processors.layouts import Layout

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Layouts for numbers: seconds since 1970, and milliseconds.
UNITS = {"UNIX": 1.0, "UNIX_MS": 0.001}
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


class Timestamp(Struct, frozen=True, kw_only=True):
    """Reads a time from a field by the first layout that fits, and writes it in UTC."""

    field: str
    layouts: tuple[str | Layout, ...]
    target_field: str = "@timestamp"
    zone: tzinfo = UTC
    ignore_missing: bool = False
    ignore_failure: bool = False

    def process(self, event: Event) -> Event:
        """The event with the time; unchanged if no layout fits."""
        found = self.time_of(find(event, self.field))
        if found is None:
            return event
        try:
            return put(event, self.target_field, written(found))
        except Misfit:
            return event

    def may_touch(self, line: bytes) -> bool:
        return mentions(line, self.field)

    def time_of(self, value: Any) -> datetime | None:
        """The time in UTC that a value states; None if it states none."""
        if value is MISSING:
            return None
        found = (
            layout.read(value, self.zone)
            if isinstance(layout, Layout)
            else _from_number(value, UNITS[layout])
            for layout in self.layouts
            if type(value) is str or not isinstance(layout, Layout)
        )
        return next((one for one in found if one), None)


def _from_number(value: Any, unit_s: float) -> datetime | None:
    try:
        whole = to_type("long", value) if not isinstance(value, float) else None
    except Misfit:
        whole = None
    try:
        number = to_type("double", value) if whole is None else whole
        return _EPOCH + timedelta(seconds=number * unit_s)
    except (Misfit, OverflowError):
        return None


def written(found: datetime) -> str:
    """A time in UTC as Filebeat writes it, to the millisecond."""
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def zone_of(name: str) -> tzinfo:
    """The zone with this name or offset; raises `ValueError` if there is none."""
    if name in {"", "UTC"}:
        return UTC
    if name == "Local":
        return _local()
    if match := _OFFSET.fullmatch(name):
        delta = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-delta if match[1] == "-" else delta)
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError) as error:
        raise ValueError(f"{name!r} is not a time zone such as Europe/Berlin or +02:00") from error


def _local() -> tzinfo:
    """The machine's zone; without its rules, its present offset."""
    try:
        return ZoneInfo("localtime")
    except (OSError, LookupError, ValueError):
        return datetime.now().astimezone().tzinfo or UTC


class AddLocale(Struct, frozen=True, kw_only=True):
    """Sets `event.timezone` to the machine's offset from UTC, or to its zone's abbreviation."""

    format: Literal["offset", "abbreviation"] = "offset"

    def process(self, event: Event) -> Event:
        try:
            return put(event, "event.timezone", self._zone())
        except Misfit:
            return event

    def may_touch(self, _line: bytes) -> bool:
        return True

    def _zone(self) -> str:
        now = time.localtime()
        if self.format == "abbreviation":
            return now.tm_zone
        minutes = abs(now.tm_gmtoff) // 60
        return f"{'-' if now.tm_gmtoff < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
