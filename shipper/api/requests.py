"""What each operation takes, and the check of a request: every problem at once, with its member."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from shipper.catalog import Catalog
from shipper.catalog.derived import SEVERITIES
from shipper.errors import BadInput, Problem
from shipper.yaml.reader import nearest

#: Severities of an alert.
GRADES = ("low", "medium", "high", "critical")
MAX_EVENTS = 10_000
_MAX_BATCH = 1000
#: The member and the fields that `event_data` may have for any type.
_ANY_DATA = ("success", "severity", "duration_ms")

_Check = Callable[[Any], str | None]


class BadRequest(BadInput):
    """The request has problems."""


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) else "expected text"


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else "expected true or false"


def _mapping(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "expected an object"


def _number(value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return None if is_number and math.isfinite(value) and value >= 0 else "expected a number from 0"


def _whole(least: int, most: int) -> _Check:
    def check(value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and least <= value <= most:
            return None
        return f"expected a whole number from {least} to {most}"

    return check


def _one_of(*known: str) -> _Check:
    def check(value: Any) -> str | None:
        if isinstance(value, str) and value in known:
            return None
        return f"expected one of {', '.join(known)}"

    return check


def _address(value: Any) -> str | None:
    try:
        ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return "expected an address such as 192.0.2.1"
    return None


def _time(value: Any) -> str | None:
    try:
        datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        return "expected a time, such as 2026-11-30 or 2026-11-30T12:00Z"
    return None


def _texts(value: Any) -> str | None:
    is_list = isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    )
    return None if is_list else "expected a list of texts"


_LOG: Mapping[str, _Check] = {
    "event_type": _text,
    "event_data": _mapping,
    "severity": _one_of(*SEVERITIES),
    "user_id": _text,
    "session_id": _text,
    "client_id": _text,
    "mcp_endpoint": _text,
    "source_ip": _address,
    "user_agent": _text,
    "correlation_id": _text,
    "success": _truth,
    "duration_ms": _number,
}
_PERIOD: Mapping[str, _Check] = {"since": _time, "until": _time}
_READ: Mapping[str, _Check] = {**_PERIOD, "user_id": _text, "elasticsearch": _truth}
_LIMIT: Mapping[str, _Check] = {"limit": _whole(1, MAX_EVENTS)}

#: The members of each operation, beside `operation` itself.
MEMBERS: Mapping[str, Mapping[str, _Check]] = {
    "get_status": {},
    "log_audit_event": _LOG,
    "log_audit_events": {"events": lambda _: None},
    "get_audit_summary": {**_PERIOD, "user_id": _text},
    "search_audit_events": {**_READ, **_LIMIT, "query": _text},
    "get_compliance_report": {
        **_READ,
        "frameworks": _texts,
        "seed": lambda _: None,
        "sample": _whole(0, MAX_EVENTS),
    },
    "get_alerts": {
        **_PERIOD,
        **_LIMIT,
        "user_id": _text,
        "severity": _one_of(*GRADES),
        "rule": _text,
    },
    "stream_events": {**_LIMIT, "after": _text, "query": _text, "user_id": _text},
}


def check(operation: str, context: Mapping[str, Any], catalog: Catalog) -> None:
    """Raise `BadRequest` with every problem of a request."""
    problems = [*_problems("", context, MEMBERS[operation], more=("operation",))]
    if operation == "log_audit_event":
        problems += _event_problems("", context, catalog)
    if operation == "log_audit_events":
        problems += _batch_problems(context.get("events"), catalog)
    if problems:
        raise BadRequest(problems)


def _problems(
    place: str, given: Mapping[str, Any], known: Mapping[str, _Check], more: tuple[str, ...] = ()
) -> Iterator[Problem]:
    for name, value in given.items():
        if name not in known:
            if name not in more:
                names = [*known, *more]
                yield Problem(f"{place}{name}", f"unknown member{nearest(str(name), names)}")
        elif value is not None and (what := known[name](value)):
            yield Problem(f"{place}{name}", f"{what}, found {_shown(value)}")


def _batch_problems(events: Any, catalog: Catalog) -> Iterator[Problem]:
    if not isinstance(events, list | tuple) or not 0 < len(events) <= _MAX_BATCH:
        yield Problem("events", f"expected a list of 1 to {_MAX_BATCH} events")
        return
    for at, event in enumerate(events):
        if not isinstance(event, Mapping):
            yield Problem(f"events[{at}]", f"expected an object, found {type(event).__name__}")
            continue
        yield from _problems(f"events[{at}].", event, _LOG)
        yield from _event_problems(f"events[{at}].", event, catalog)


def _event_problems(place: str, event: Mapping[str, Any], catalog: Catalog) -> Iterator[Problem]:
    """Problems of the type, and of the names in `event_data`."""
    kind = event.get("event_type")
    if not isinstance(kind, str) or kind not in catalog.event_types:
        shown = _shown(kind)
        yield Problem(
            f"{place}event_type", f"unknown {shown}{nearest(str(kind), [*catalog.event_types])}"
        )
        return
    data = event.get("event_data")
    if not isinstance(data, Mapping):
        return
    known = {*catalog.paths_by_alias(kind), *catalog.fields_of(kind), *_LOG, *_ANY_DATA}
    for name in data:
        if name not in known:
            where = f"{place}event_data.{name}"
            yield Problem(where, f"unknown field of {kind}{nearest(str(name), sorted(known))}")
    given = {name: data[name] for name in ("severity", "source_ip", "duration_ms") if name in data}
    yield from _problems(f"{place}event_data.", given, _LOG)


def _shown(value: object) -> str:
    """A short value as it is; of others, the kind: it may be a secret."""
    if isinstance(value, str) and len(value) <= 40 and value.isprintable():  # noqa: PLR2004
        return repr(value)
    if isinstance(value, bool | int | float | None):
        return repr(value)
    return f"a {type(value).__name__}"
