"""The logger `mcp.audit`, which the logging configuration of others does not silence.

`dictConfig`, `fileConfig` and every program that calls them (uvicorn) by default disable the
loggers that they do not name, or take level and handlers away from them; `logging.disable` holds
for all. On this logger an event reaches its handlers nevertheless. Only the configuration of this
logger itself, or of a handler, holds events back; the handlers count those.
"""

import logging
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from shipper.record.calls import Begun, OpenCalls
from shipper.record.event import CARRIED, Event, carry, is_printed

NAME = "mcp.audit"


class EventHandler(logging.Handler):
    """A handler that records events: it gets each one, or is informed that it does not."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit the record; counts the event if a filter of the handler holds it back."""
        passed = _passed(self, record)
        if passed is None:
            if _carries_event(record):
                self.suppressed()
        elif self.lock:  # as `logging.Handler.handle`, in fewer calls: every event pays for them
            with self.lock:
                self.emit(passed)
        else:
            self.emit(passed)
        return passed is not None

    def take(self, event: Event, time_s: float) -> bool:  # noqa: ARG002 - for those that override it
        """Emit an event without a log record; False if the handler wants one."""
        return False

    def suppressed(self) -> None:
        """Count an event that the operator's configuration holds back."""
        raise NotImplementedError

    def begin(self, call: Begun) -> tuple[OpenCalls, int] | None:
        """Note that a call has begun, for the case that its process ends before it."""
        raise NotImplementedError

    def require(self, event_type: str) -> None:
        """Raise `NotRecorded` if an event of a type that must be recorded cannot be."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write the last line of the segment; the next event opens another one."""
        raise NotImplementedError


class AuditLogger(logging.Logger):
    """A logger whose events reach every `EventHandler` that is, or once was, within its reach.

    `removeHandler` on this logger ends that; so does a configuration that names the logger.
    """

    #: The handlers that were found on this logger or above it. A tuple: threads replace it.
    _known: tuple[EventHandler, ...] = ()
    #: Counts the events that come while there is no handler.
    _removed: EventHandler | None = None

    def isEnabledFor(self, level: int) -> bool:  # noqa: ARG002, N802 - logging's name
        """Always: `handle` decides, when it is known whether the record carries an event."""
        return True

    def makeRecord(  # noqa: N802 - logging's name and arguments
        self,
        name: str,
        level: int,
        fn: str,
        lno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        *rest: Any,
        **more: Any,
    ) -> logging.LogRecord:
        """A record that keeps its event, whatever filters, queues or other handlers do to it."""
        record = super().makeRecord(name, level, fn, lno, msg, args, exc_info, *rest, **more)
        carry(record, msg, args or ())
        return record

    def handle(self, record: logging.LogRecord) -> None:
        """Pass an event on whatever others configured, and any other record as logging does."""
        is_open = super().isEnabledFor(record.levelno)
        if not _carries_event(record):
            if is_printed(record.msg):
                self._suppress()
            if is_open:
                super().handle(record)
            return
        is_wanted = record.levelno >= (self.level or logging.INFO)
        passed = _passed(self, record) if is_wanted else None
        if passed is not None:
            self._pass_on(passed, is_open)
        else:
            self._suppress()

    def _suppress(self) -> None:
        for handler in self._all(self._within_reach()) or tuple(_living):
            handler.suppressed()

    def _pass_on(self, record: logging.LogRecord, is_open: bool) -> None:  # noqa: FBT001
        """Record the event first: another handler may raise."""
        if self._is_one_in_reach(record.levelno):
            self._known[0].handle(record)
        else:
            self._record(record, is_open)
        if is_open and (self.propagate or len(self.handlers) > 1 or not self._known):
            self._pass_to_others(record)

    def _record(self, record: logging.LogRecord, is_open: bool) -> None:  # noqa: FBT001
        for handler in self._all(self._within_reach()):
            if record.levelno < handler.level or handler is self._removed:
                handler.suppressed()
            else:
                handler.handle(record)
        if not (self._known or self._removed or (is_open and self._is_forwarded())):
            self._suppress()

    def _is_one_in_reach(self, level: int) -> bool:
        """Whether one known handler gets the event, as in most programs: saves the search."""
        known = self._known
        return (
            len(known) == 1
            and not self._reaches_above()
            and known[0] in self.handlers
            and level >= known[0].level
        )

    def _reaches_above(self) -> bool:
        logger: logging.Logger = self
        while logger.propagate and logger.parent:
            logger = logger.parent
            if logger.handlers:
                return True
        return False

    def record(self, level: int, event: Event) -> None:
        """Log an event; without a log record, if nobody but the one known handler would get it."""
        if not self._is_alone(level) or not self._known[0].take(event, time.time()):
            self.handle(self.makeRecord(self.name, level, __file__, 0, event, (), None))

    def _is_alone(self, level: int) -> bool:
        """Whether the one known handler would get an event of this level, and no other."""
        if self.filters or level < (self.level or logging.INFO) or not self._is_one_in_reach(level):
            return False
        return len(self.handlers) == 1 and not self._known[0].filters

    def _pass_to_others(self, record: logging.LogRecord) -> None:
        handlers = self._handlers()
        for handler in handlers:
            if not isinstance(handler, EventHandler) and record.levelno >= handler.level:
                handler.handle(record)
        if not handlers:
            self.callHandlers(record)  # logging's handler of last resort

    def _is_forwarded(self) -> bool:
        """Whether a queue or a buffer has the event, which may lead to an `EventHandler`."""
        return any(hasattr(one, "queue") or hasattr(one, "target") for one in self._handlers())

    def removeHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - logging's name
        """Remove the handler, wherever it is; events count as suppressed while there is none."""
        super().removeHandler(hdlr)
        if isinstance(hdlr, EventHandler):
            self._known = tuple(known for known in self._known if known is not hdlr)
            self._removed = hdlr

    def addHandler(self, hdlr: logging.Handler) -> None:  # noqa: N802 - logging's name
        super().addHandler(hdlr)
        self.learn()

    def learn(self) -> None:
        """Keep the handlers that are within reach now: others may take them away."""
        self._all(self._within_reach())

    def begin(self, call: Begun) -> tuple[OpenCalls, int] | None:
        """Note that a call has begun; who gets it back clears it when the event is recorded.

        One handler is enough: the next process records the call for all that it has.
        """
        known = self._known or self._within_reach()
        return known[0].begin(call) if known else None

    def require(self, event_type: str) -> None:
        """Raise `NotRecorded` if a handler could not write an event that must be recorded."""
        for handler in self._known or self._within_reach():
            handler.require(event_type)

    def finish(self) -> None:
        """Have every handler write its last line: serving has ended, and perhaps the process."""
        for handler in self._all(self._within_reach()):
            handler.finish()

    def _all(self, within: list[EventHandler]) -> tuple[EventHandler, ...]:
        for handler in within:
            if handler not in self._known:
                self._known = (*self._known, handler)
                self._removed = None
        return self._known or ((self._removed,) if self._removed else ())

    def _within_reach(self) -> list[EventHandler]:
        return [one for one in self._handlers() if isinstance(one, EventHandler)]

    def _handlers(self) -> list[logging.Handler]:
        found: list[logging.Handler] = []
        logger: logging.Logger | None = self
        while logger:
            found += logger.handlers
            logger = logger.parent if logger.propagate else None
        return found


#: The handlers of this process: they count the events that reach none of them.
_living: WeakSet[EventHandler] = WeakSet()


def enlist(handler: EventHandler) -> None:
    """Have a handler, once it works, count the events that reach none."""
    _living.add(handler)


def _passed(by: logging.Filterer, record: logging.LogRecord) -> logging.LogRecord | None:
    """The record to log: since Python 3.12 a filter may return another one.

    A filter that raises holds nothing back, and the event stays with the record.
    """
    passed: object = True
    with suppress(Exception):
        passed = by.filter(record)
    if isinstance(passed, logging.LogRecord) and _carries_event(passed):
        return passed
    return record if passed else None


def _carries_event(record: logging.LogRecord) -> bool:
    """Whether `from_record` finds an event in the record."""
    return (
        isinstance(record.msg, Event)
        or getattr(record, CARRIED, None) is not None
        or getattr(record, "event_type", None) is not None
    )


def audit_logger() -> AuditLogger:
    """The logger `mcp.audit`, the same object for everybody who had it before."""
    logger = logging.getLogger(NAME)
    if not isinstance(logger, AuditLogger):
        kind = type(logger)  # an application may have set a class of loggers
        is_plain = kind is logging.Logger
        logger.__class__ = AuditLogger if is_plain else type(NAME, (AuditLogger, kind), {})
    assert isinstance(logger, AuditLogger)
    return logger
