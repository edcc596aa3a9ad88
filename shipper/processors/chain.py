"""Processors one after the other, over lines: bytes in, the same bytes out where none acts."""

from typing import Protocol

import msgspec
from msgspec import Struct

from shipper.errors import Unprocessable
from shipper.processors.conditions import Condition
from shipper.processors.event import Event, decode, encode


class Processor(Protocol):
    """One step: an event in; the same event, a new one, or None for one that is dropped."""

    def process(self, event: Event) -> Event | None:
        """The event as it goes on."""
        ...

    def may_touch(self, line: bytes) -> bool:
        """False only if the event of this line, which has no backslash, would go on unchanged."""
        ...


class When(Struct, frozen=True):
    """Processors for events that meet a condition, and others for those that do not."""

    condition: Condition
    then: tuple[Processor, ...]
    otherwise: tuple[Processor, ...] = ()

    def process(self, event: Event) -> Event | None:
        """Through the one or the other."""
        return _through(self.then if self.condition.holds(event) else self.otherwise, event)

    def may_touch(self, line: bytes) -> bool:
        """Whether one that may have its turn may touch it."""
        if self.condition.may_hold(line) and _may_touch(self.then, line):
            return True
        return _may_touch(self.otherwise, line)


def _through(steps: tuple[Processor, ...], event: Event) -> Event | None:
    for step in steps:
        following = step.process(event)
        if following is None:
            return None
        event = following
    return event


def _may_touch(steps: tuple[Processor, ...], line: bytes) -> bool:
    """Whether one of the steps may touch it: if none does, each of them sees the line itself."""
    for step in steps:  # noqa: SIM110 - asked of every line, and a generator is half of the cost
        if step.may_touch(line):
            return True
    return False


class Chain(Struct, frozen=True):
    """All processors of an input, in order."""

    steps: tuple[Processor, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do for any line."""
        return not self.steps

    def apply(self, line: bytes) -> bytes | None:
        """The line as it goes on: itself where nothing changes it, None if it is dropped.

        `line` is one strict JSON object. Raises `Unprocessable` where the processors cannot look at
        all of it.
        """
        if b"\\" not in line and not _may_touch(self.steps, line):
            return line
        try:
            event = decode(line)
            result = _through(self.steps, event)
            if result is event:
                return line
            return None if result is None else encode(result)
        except msgspec.DecodeError as error:
            raise Unprocessable(f"cannot be processed: {error}") from error
        except RecursionError as error:
            raise Unprocessable("cannot be processed: nested too deep") from error
