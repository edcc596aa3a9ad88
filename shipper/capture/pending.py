"""A call in flight, and the event that it becomes once it ends."""

import time
from collections.abc import Callable

from msgspec import Struct

from shipper.capture.call import Call, Ended, Unanswered
from shipper.capture.content import Fields, asked
from shipper.capture.emit import Sink, attempt, note_begin, require, to_logger
from shipper.capture.facts import fields_of_call
from shipper.capture.methods import FROM_SERVER, REQUESTS, SCHEMES, SILENT, UNKNOWN, VENDOR, Row
from shipper.capture.misuse import misuse
from shipper.capture.outcome import Outcome, outcome_of
from shipper.capture.rounds import fields_of_rounds
from shipper.catalog import MCPEventType
from shipper.errors import NotRecorded
from shipper.record.calls import OpenCalls, begun
from shipper.record.event import Event, create_event

#: The fields of a request that a decision on it has too.
_OF_DECISIONS = ("gen_ai.tool.name", "mcp.resource.uri", "mcp.call.id", "mcp.call.parent")


class Pending(Struct, frozen=True):
    """A call in flight: its arguments are copied at once, because a tool may change them."""

    call: Call
    asked: Fields
    began_ns: int
    #: Where the record has noted that the call began.
    noted: tuple[OpenCalls, int] | None = None


def begin(build: Callable[[], Call], sink: Sink = to_logger) -> Pending | None:
    """Take up a call; None if it leaves no event. Raises nothing.

    The record notes that it has begun: a call may end its process.
    """
    return attempt(_pending, build, sink)


def refusal(pending: Pending, sink: Sink = to_logger) -> NotRecorded | None:
    """Why a call must not be made: its event could not be written, and has to be."""
    return attempt(_refusal, pending) if sink is to_logger else None


def _refusal(pending: Pending) -> NotRecorded | None:
    known = FROM_SERVER if pending.call.from_server else REQUESTS
    try:
        require(known.get(pending.call.method, VENDOR).event_type)
    except NotRecorded as error:
        return error
    return None


def end(pending: Pending, build: Callable[[], Ended], sink: Sink = to_logger) -> NotRecorded | None:
    """Pass on the event of a call that has ended. Raises nothing.

    Returns why the answer must be withheld, if the event could not be written and has to be.
    """
    took_ms = (time.monotonic_ns() - pending.began_ns) / 1e6
    failed = attempt(_pass_on, pending, build, took_ms, sink)
    forget(pending)
    return failed


def forget(pending: Pending) -> None:
    """Clear the note of a call: it has its event, or gets none."""
    if pending.noted:
        calls, slot = pending.noted
        calls.end(slot)


def _pass_on(
    pending: Pending, build: Callable[[], Ended], took_ms: float, sink: Sink
) -> NotRecorded | None:
    ended, event = _ended(pending, build, took_ms)
    try:
        sink(event)
        for event in misuse(pending.call, ended):
            sink(event)
    except NotRecorded as error:
        return error
    return None


def _ended(pending: Pending, build: Callable[[], Ended], took_ms: float) -> tuple[Ended, Event]:
    """How the call ended, and its event; not known if what the server raised cannot be read."""
    try:
        ended = build()
        return ended, event_of(pending, ended, took_ms)
    except Exception:  # noqa: BLE001 - foreign objects may raise anything; the call was made
        return _UNKNOWN, event_of(pending, _UNKNOWN, took_ms)


def event_of(pending: Pending, ended: Ended, took_ms: float) -> Event:
    """The event of a call: what it asked for, where it came from, and its outcome."""
    call = pending.call
    outcome = outcome_of(call, ended)
    row, asked = _row(call, outcome), pending.asked
    scheme = SCHEMES.get(str(asked.get("mcp.resource.type")))
    if outcome.is_authorization:
        asked = {name: asked[name] for name in _OF_DECISIONS if name in asked}
    fields = {
        "event.action": row.action,
        "event.category": [*row.category, scheme] if scheme else list(row.category),
        "event.type": list(row.types),
        **fields_of_call(call),
        **asked,
    }
    fields |= outcome.fields
    fields |= fields_of_rounds(call, ended, asked)
    if row is UNKNOWN:
        fields |= {
            "mcp.violation.type": "unknown_method",
            "mcp.violation.action_taken": "blocked",
        }
    kind = MCPEventType.AUTHORIZATION if outcome.is_authorization else row.event_type
    return create_event(kind, fields, success=outcome.success, duration_ms=took_ms)


_UNKNOWN = Unanswered()


def _pending(build: Callable[[], Call], sink: Sink) -> Pending | None:
    call = build()
    if _is_silent(call):
        return None
    fields = asked(call.method, call.params, from_server=call.from_server)
    noted = attempt(_note, call, fields) if sink is to_logger else None
    return Pending(call, fields, time.monotonic_ns(), noted)


def _note(call: Call, fields: Fields) -> tuple[OpenCalls, int] | None:
    user, from_server = call.identity.user, call.from_server
    entry = begun(time.time(), call.method, call.id, fields, user, from_server=from_server)
    return note_begin(entry)


def _is_silent(call: Call) -> bool:
    """A request with the name of a notification is one that nobody serves: it leaves an event."""
    is_misnamed = call.id is not None and call.method.startswith("notifications/")
    return call.method in SILENT and not is_misnamed


def _row(call: Call, outcome: Outcome) -> Row:
    known = FROM_SERVER if call.from_server else REQUESTS
    return known.get(call.method) or (UNKNOWN if outcome.is_unserved else VENDOR)
