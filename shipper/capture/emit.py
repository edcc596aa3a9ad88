"""The one way out of capture: a sink takes each event, and no failure of it reaches the server."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from shipper.record.calls import Begun, OpenCalls
from shipper.record.event import Event
from shipper.record.logger import audit_logger

P = ParamSpec("P")
T = TypeVar("T")
#: Takes each event as it is made, in the thread and task that made it.
Sink = Callable[[Event], None]

_audit = audit_logger()
_own = logging.getLogger("shipper")


@dataclass(slots=True)
class Failures:
    """How many events could not be made or passed on since the process began."""

    count: int = 0


FAILURES = Failures()


def open_logger() -> None:
    """Let INFO through where the operator chose no level: the root's default would drop it.

    Handlers that are attached now, or to a logger above, stay whatever others configure later.
    """
    if _audit.level == logging.NOTSET:
        _audit.setLevel(logging.INFO)
    _audit.learn()


def finish() -> None:
    """Write the last line of the record, when serving ends; whatever is raised stays here.

    The process may end without any hook: uvicorn raises SIGTERM again once it has shut down.
    """
    attempt(_audit.finish)


def note_begin(call: Begun) -> tuple[OpenCalls, int] | None:
    """Note a call where the record finds it again if the process ends before the call does."""
    return _audit.begin(call)


def require(event_type: str) -> None:
    """Raise `NotRecorded` if an event of a type that must be recorded could not be written."""
    _audit.require(event_type)


def to_logger(event: Event) -> None:
    """The sink of servers that are instrumented: the logger `mcp.audit`, failures as warnings."""
    failed = event.fields.get("success") is False
    _audit.record(logging.WARNING if failed else logging.INFO, event)


def emit(build: Callable[[], Event | None], sink: Sink = to_logger) -> None:
    """Build an event and pass it on; whatever is raised stays here."""
    attempt(_pass_on, build, sink)


def _pass_on(build: Callable[[], Event | None], sink: Sink) -> None:
    event = build()
    if event is not None:
        sink(event)


def attempt(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """The result, or None if it raises: a request must not fail because its record does.

    The first failure is logged for the operator; later ones are only counted, because there may
    be as many as there are requests.
    """
    try:
        return do(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - see above
        FAILURES.count += 1
        if FAILURES.count == 1:
            with suppress(Exception):
                _own.error(
                    "an audit event was lost (%s); further losses are only counted",
                    type(error).__name__,
                )
        return None
