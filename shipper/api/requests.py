"""What each operation takes, and the check of a request: every problem at once, with its member."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from msgspec import Struct

from shipper.catalog import Catalog
from shipper.catalog.derived import SEVERITIES
from shipper.errors import BadInput, Problem
from shipper.yaml.reader import nearest

#: Severities of an alert.
GRADES = ("low", "medium", "high", "critical")
_MAX_EVENTS = 10_000
_MAX_BATCH = 1000
#: In nanoseconds, the largest whole number of 64 bits, rounded down.
_MAX_DURATION_MS = 9_000_000_000_000
#: Members that `event_data` may have for any type.
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
    if is_number and 0 <= value <= _MAX_DURATION_MS:  # NaN is not
        return None
    return f"expected a number from 0 to {_MAX_DURATION_MS}"


def _whole(least: int, most: int) -> _Check:
    def check(value: Any) -> str | None:
        if _number(value) is None and value == int(value) and least <= value <= most:
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


def _seed(value: Any) -> str | None:
    is_seed = isinstance(value, str | int) and not isinstance(value, bool)
    return None if is_seed else "expected a text or a whole number"


def _texts(value: Any) -> str | None:
    is_list = isinstance(value, str) or (
        isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    )
    return None if is_list else "expected a list of texts"


class Member(Struct, frozen=True):
    """A member of a request: its check, and the same as a JSON schema."""

    check: _Check
    schema: Mapping[str, Any]


_TEXT = Member(_text, {"type": "string"})
_TRUTH = Member(_truth, {"type": "boolean"})
_TIME = Member(
    _time,
    {
        "type": "string",
        "format": "date-time",
        "pattern": "^(19|[2-8][0-9])[0-9]{2}-",
        "description": "A date or a time from 1900 to 8999; UTC by default.",
    },
)
_EVENT_TYPE = Member(_text, {"type": "string", "format": "event-type"})
_ADDRESS = Member(
    _address,
    {
        "type": "string",
        "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}],
        "description": "An IPv4 or IPv6 address.",
    },
)
_OBJECT = Member(_mapping, {"type": "object"})
_NUMBER = Member(_number, {"type": "number", "minimum": 0, "maximum": _MAX_DURATION_MS})
_FRAMEWORKS = Member(
    _texts,
    {
        "type": ["array", "string"],
        "items": {"type": "string", "format": "framework"},
        "format": "framework",
    },
)
_SEED = Member(_seed, {"type": ["string", "integer"]})
_LIMIT_OF = {"type": "integer", "minimum": 1, "maximum": _MAX_EVENTS}


def _word(known: Iterable[str]) -> Member:
    names = [*known]
    return Member(_one_of(*names), {"type": "string", "enum": names})


_LOG: Mapping[str, Member] = {
    "event_type": _EVENT_TYPE,
    "event_data": _OBJECT,
    "severity": _word(SEVERITIES),
    "user_id": _TEXT,
    "session_id": _TEXT,
    "client_id": _TEXT,
    "mcp_endpoint": _TEXT,
    "source_ip": _ADDRESS,
    "user_agent": _TEXT,
    "correlation_id": _TEXT,
    "success": _TRUTH,
    "duration_ms": _NUMBER,
}


def or_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A member that may be left out: null is the same."""
    kinds = schema["type"]
    found = {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
    if "enum" in schema:
        found["enum"] = [*schema["enum"], None]
    return found


_BATCH: Mapping[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": _MAX_BATCH,
    "items": {
        "type": "object",
        "properties": {
            name: one.schema if name == "event_type" else or_null(one.schema)
            for name, one in _LOG.items()
        },
        "required": ["event_type"],
        "additionalProperties": False,
    },
}
_AFTER = Member(_text, {"type": "string", "format": "place"})
_QUERY = Member(_text, {"type": "string", "format": "kql"})
_READ: Mapping[str, Member] = {
    "query": _QUERY,
    "since": _TIME,
    "until": _TIME,
    "user_id": _TEXT,
}
_LIMIT: Mapping[str, Member] = {"limit": Member(_whole(1, _MAX_EVENTS), _LIMIT_OF)}
_FIND: Mapping[str, Member] = {**_READ, **_LIMIT, "newest": _TRUTH}

#: The members of each operation, beside `operation` itself.
MEMBERS: Mapping[str, Mapping[str, Member]] = {
    "get_status": {},
    "get_metrics": {},
    "get_verification": {"user_id": _TEXT},
    "log_audit_event": _LOG,
    "log_audit_events": {"events": Member(lambda _: None, _BATCH)},
    "get_audit_summary": _READ,
    "search_audit_events": {**_FIND, "elasticsearch": _TRUTH},
    "get_compliance_report": {
        **{name: one for name, one in _READ.items() if name != "query"},
        "elasticsearch": _TRUTH,
        "frameworks": _FRAMEWORKS,
        "seed": _SEED,
        "sample": Member(_whole(0, _MAX_EVENTS), {**_LIMIT_OF, "minimum": 0}),
    },
    "get_alerts": {**_FIND, "severity": _word(GRADES), "rule": _TEXT},
    "stream_events": {**_LIMIT, "after": _AFTER, "query": _QUERY, "user_id": _TEXT},
}
#: Members without which an operation cannot be carried out.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "log_audit_event": ("event_type",),
    "log_audit_events": ("events",),
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
    place: str, given: Mapping[str, Any], known: Mapping[str, Member], more: tuple[str, ...] = ()
) -> Iterator[Problem]:
    for name, value in given.items():
        if name not in known:
            if name not in more:
                names = [*known, *more]
                yield Problem(f"{place}{name}", f"unknown member{nearest(str(name), names)}")
        elif value is not None and (what := known[name].check(value)):
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
