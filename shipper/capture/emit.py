"""The one way out of capture: an event is logged, and no failure of that reaches the server."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from shipper.record.event import Event

_audit = logging.getLogger("mcp.audit")
_own = logging.getLogger("shipper")


@dataclass(slots=True)
class Failures:
    """How many events could not be made or logged since the process began."""

    count: int = 0


FAILURES = Failures()


def open_logger() -> None:
    """Let INFO through where the operator chose no level: the root's default would drop it."""
    if _audit.level == logging.NOTSET:
        _audit.setLevel(logging.INFO)


def emit(build: Callable[[], Event | None]) -> None:
    """Build an event and log it, failures as warnings; whatever is raised stays here.

    The first failure is told to the operator; the rest are counted, for they would be as many
    as there are requests.
    """
    try:
        event = build()
        if event is not None:
            failed = event.fields.get("success") is False
            _audit.log(logging.WARNING if failed else logging.INFO, event)
    except Exception as error:  # noqa: BLE001 - a request must not fail for want of its record
        FAILURES.count += 1
        if FAILURES.count == 1:
            with suppress(Exception):
                _own.error(
                    "an audit event was lost (%s); further losses are only counted",
                    type(error).__name__,
                )
