"""Processors in sequence over lines; a line that no processor changes keeps its bytes."""

from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from shipper.errors import Unprocessable
from shipper.processors.conditions import Condition
from shipper.processors.event import Event, decode, encode, without_duplicates

#: Begins the escape of any character: behind it, keys and texts are not found literally.
_ANY_CHARACTER = b"\\u"


class Processor(Protocol):
    """One step of a chain."""

    def process(self, event: Event) -> Event | None:
        """The processed event: the same object if unchanged, None if dropped."""
        ...

    def may_touch(self, lines: bytes) -> bool:
        r"""False only if `process` would change none of these lines.

        No character in them is written as `\u…`.
        """
        ...


class When(Struct, frozen=True):
    """Processors for events that meet a condition, and others for those that do not."""

    condition: Condition
    then: tuple[Processor, ...]
    otherwise: tuple[Processor, ...] = ()

    def process(self, event: Event) -> Event | None:
        return _through(self.then if self.condition.holds(event) else self.otherwise, event)

    @property
    def hides(self) -> bool:
        """Whether a step masks or drops values."""
        return _hides((*self.then, *self.otherwise))

    @property
    def reads_text(self) -> bool:
        """Whether a step reads `message` as the text of the line."""
        return _reads_text((*self.then, *self.otherwise))

    @property
    def may_wait(self) -> bool:
        """Whether a step can wait for what is known of a file."""
        return any(getattr(step, "may_wait", False) for step in (*self.then, *self.otherwise))

    def awaits(self, path: str) -> bool:
        """Whether a step waits for what is not known of a file yet."""
        return _awaits((*self.then, *self.otherwise), path)

    def may_touch(self, lines: bytes) -> bool:
        if self.condition.may_hold(lines) and _may_touch(self.then, lines):
            return True
        return _may_touch(self.otherwise, lines)


def _through(steps: tuple[Processor, ...], event: Event) -> Event | None:
    for step in steps:
        following = step.process(event)
        if following is None:
            return None
        event = following
    return event


def _may_touch(steps: tuple[Processor, ...], lines: bytes) -> bool:
    """Whether a step may touch a line; without a change, every step gets the same lines."""
    for step in steps:  # noqa: SIM110 - runs for every line, and `any` would double its cost
        if step.may_touch(lines):
            return True
    return False


def _hides(steps: tuple[Processor, ...]) -> bool:
    """Whether a step masks or drops values, so that it must not miss any."""
    return any(getattr(step, "hides", False) for step in steps)


def _reads_text(steps: tuple[Processor, ...]) -> bool:
    return any(getattr(step, "reads_text", False) for step in steps)


def _awaits(steps: tuple[Processor, ...], path: str) -> bool:
    asked = (getattr(step, "awaits", None) for step in steps)
    return any(one(path) for one in asked if one)


class Chain(Struct, frozen=True):
    """All processors of an input, in order."""

    steps: tuple[Processor, ...] = ()
    _hides: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "_hides", _hides(self.steps))

    @property
    def is_empty(self) -> bool:
        """Whether there are no processors."""
        return not self.steps

    @property
    def reads_text(self) -> bool:
        """Whether a step reads `message` as the text of the line, even if that is an object."""
        return _reads_text(self.steps)

    @property
    def may_wait(self) -> bool:
        """Whether a step can wait for what is known of a file."""
        return any(getattr(step, "may_wait", False) for step in self.steps)

    def awaits(self, path: str) -> bool:
        """Whether a step waits, for some seconds, for what is not known of a file yet."""
        return _awaits(self.steps, path)

    def may_touch(self, lines: bytes) -> bool:
        """False only if `apply` returns each of the lines unchanged."""
        return lines.rfind(_ANY_CHARACTER) >= 0 or _may_touch(self.steps, lines)

    def apply(self, line: bytes) -> bytes | None:
        """The processed line: the same object if unchanged, None if dropped.

        If a processor masks or drops values, a line with a member that comes twice is written
        again without the first one, which no processor sees.

        `line` is one strict JSON object. Raises `Unprocessable` if the processors cannot read it
        completely.
        """
        if not self.may_touch(line):
            return line
        try:
            if self._hides:
                line = without_duplicates(line)
            event = decode(line)
            result = _through(self.steps, event)
            if result is event:
                return line
            return None if result is None else encode(result)
        except msgspec.DecodeError as error:
            raise Unprocessable(f"cannot be processed: {error}") from error
        except RecursionError as error:
            raise Unprocessable("cannot be processed: nested too deep") from error
