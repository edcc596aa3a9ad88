"""OCSF: one JSON object; every value of the line is in it, if only in `unmapped`."""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Any

import msgspec
from msgspec import Struct

from shipper import __version__
from shipper.formats.fields import (
    VENDOR,
    epoch_us,
    fields_of,
    level_of,
    table,
    text_of,
    time_of,
)

#: Activity and status where none is known.
_OTHER = 99
_STATUS = {"success": 1, "failure": 2}
#: `status_id` of a finding has another meaning: 1 is new.
_FINDING = 2004
#: `action_id` and `disposition_id` by event.type.
_ACTIONS = {"denied": (2, 2), "allowed": (1, 1)}


@lru_cache(4096)
def _ip(value: str) -> str | None:
    try:
        return str(ip_address(value))
    except ValueError:
        return None


def _number(factor: float) -> Callable[[Any], int | None]:
    def convert(value: Any) -> int | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # The schema's integers have 64 bits; JSON knows no infinity.
        return int(value * factor) if is_number and abs(value) < 1 << 53 else None

    return convert


def _port(value: Any) -> int | None:
    number = _number(1)(value)
    return number if number is not None and 0 <= number < 1 << 16 else None


#: The schema names no other.
_METHODS = frozenset(
    ("OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "PATCH")
)

_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "text": text_of,
    "integer": _number(1),
    "ms": _number(1e-6),
    "percent": _number(100),
    "port": _port,
    "method": lambda value: value if isinstance(value, str) and value in _METHODS else None,
    "ip": lambda value: _ip(value) if isinstance(value, str) else None,
}


#: Where a value goes, the field, and how it is converted.
_Row = tuple[tuple[str, ...], str, Callable[[Any], Any]]


class _Class(Struct, frozen=True):
    """A class of OCSF, compiled from the table."""

    uid: int
    profiles: tuple[str, ...]
    rows: tuple[_Row, ...]
    #: What is put where no row has put anything.
    otherwise: tuple[tuple[tuple[str, ...], Any], ...]


def ocsf(line: bytes) -> bytes:
    """The line as an event of OCSF, without a newline."""
    fields = fields_of(line)
    kind, activities = _types().get(str(fields.get("mcp.audit.type")), (_class(0), {"*": 0}))
    event, unmapped = _mapped(kind, fields)
    activity = activities.get(str(fields.get("event.action")), activities["*"])
    event |= _classified(kind.uid, activity, fields)
    event["metadata"] = {**event.get("metadata", {}), **_METADATA, "profiles": kind.profiles}
    if kind.uid:
        event |= _decided(kind.uid, fields)
    if unmapped:
        event["unmapped"] = unmapped
    return msgspec.json.encode(event)


def _mapped(kind: _Class, fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The event as far as the rows of its class fill it, and the fields that they leave."""
    event: dict[str, Any] = {}
    rest = fields.copy()
    for place, field, convert in kind.rows:
        if field in fields and (value := convert(fields[field])) is not None:
            _put(event, place, value)
            rest.pop(field, None)
    for place, value in kind.otherwise:
        _fill(event, place, value)
    for place, names in _one_of():
        found = _at(event, place)
        if found is not None and not any(name in found for name in names):
            found[names[0]] = "unknown"
    return event, rest


def _put(event: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for name in place[:-1]:
        event = event.setdefault(name, {})
    event[place[-1]] = value


def _fill(event: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    """Put the value where there is none yet."""
    for name in place[:-1]:
        event = event.setdefault(name, {})
    event.setdefault(place[-1], value or {})


def _at(event: dict[str, Any], place: tuple[str, ...]) -> dict[str, Any] | None:
    found: dict[str, Any] | None = event
    for name in place:
        found = found.get(name) if found is not None else None
    return found


def _classified(uid: int, activity: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    time = time_of(fields)
    action = text_of(fields.get("event.action", "unknown"))
    named = {"activity_name": action} if activity == _OTHER else {}
    return {
        "class_uid": uid,
        "category_uid": uid // 1000,
        "activity_id": activity,
        "type_uid": uid * 100 + activity,
        "time": epoch_us(time) // 1000 if time else 0,
        "severity_id": level_of(fields),
        **named,
    }


def _decided(uid: int, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome, and whether the request was allowed."""
    outcome, kinds = fields.get("event.outcome"), fields.get("event.type")
    status = 1 if uid == _FINDING else _STATUS.get(str(outcome), 0)
    for word, (action, disposition) in _ACTIONS.items():
        if isinstance(kinds, list) and word in kinds:
            return {"status_id": status, "action_id": action, "disposition_id": disposition}
    return {"status_id": status}


@cache
def _one_of() -> tuple[tuple[tuple[str, ...], list[str]], ...]:
    return tuple((tuple(p.split(".")), names) for p, names in table("ocsf")["one_of"].items())


@cache
def _types() -> Mapping[str, tuple[_Class, Mapping[str, int]]]:
    rows = table("ocsf")["types"]
    return {name: (_class(row["class"]), row["activity"]) for name, row in rows.items()}


@cache
def _class(uid: int) -> _Class:
    rows = table("ocsf")
    found = {**rows["fields"], **rows["of_class"].get(uid, {})}
    return _Class(
        uid,
        tuple(rows["profiles"][uid]),
        tuple(_row(place, row) for place, row in found.items()),
        tuple((tuple(p.split(".")), v) for p, v in rows["otherwise"].get(uid, {}).items()),
    )


def _row(place: str, row: str | Mapping[str, str]) -> _Row:
    if isinstance(row, str):
        row = {"field": row}
    return tuple(place.split(".")), row["field"], _CONVERTERS[row.get("as", "text")]


_METADATA = {
    "version": table("ocsf")["version"],
    "product": {"name": VENDOR, "vendor_name": VENDOR, "version": __version__},
}
