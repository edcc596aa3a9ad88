"""Processors that add, drop, keep, rename and copy fields."""

import re
from collections.abc import Callable, Iterable
from functools import partial

from msgspec import Struct
from msgspec.structs import force_setattr

from shipper.processors.event import (
    MISSING,
    Event,
    Misfit,
    below,
    find,
    mentions,
    merged,
    paths,
    put,
    without,
)

#: What an event keeps whatever is dropped.
KEPT = ("@timestamp", "type")
_INSIDE_KEPT = tuple(f"{path}." for path in KEPT)


class AddFields(Struct, frozen=True):
    """Merges constants into the event; they take the place of what is there."""

    #: As they stand in the event: below the target, nested.
    fields: Event
    #: The same fields as keys of the root: so written in the event, they are replaced too.
    _flat: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        flat = frozenset(path for path in paths(self.fields) if path not in self.fields)
        force_setattr(self, "_flat", flat)

    def process(self, event: Event) -> Event:
        """With the fields."""
        if not self.fields:
            return event
        new = merged(event, self.fields)
        for path in self._flat:
            new.pop(path, None)
        return new

    def may_touch(self, _line: bytes) -> bool:
        """Every event."""
        return bool(self.fields)


class AddTags(Struct, frozen=True):
    """Appends tags to a list of tags."""

    tags: tuple[str, ...]
    target: str = "tags"

    def process(self, event: Event) -> Event:
        """With the tags."""
        old = find(event, self.target)
        if old is MISSING or old is None:
            old = []
        tags = old if type(old) is list else [old]
        try:
            return put(event, self.target, [*tags, *self.tags])
        except Misfit:
            return event

    def may_touch(self, _line: bytes) -> bool:
        """Every event."""
        return bool(self.tags)


class DropEvent(Struct, frozen=True):
    """Drops the event; it has its use behind a condition."""

    def process(self, _event: Event) -> None:
        """Nothing goes on."""
        return

    def may_touch(self, _line: bytes) -> bool:
        """Every event."""
        return True


class DropFields(Struct, frozen=True):
    """Drops fields and what lies inside them; a pattern drops each field whose path it is found in.

    The time and the type stay.
    """

    fields: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...] = ()

    def process(self, event: Event) -> Event:
        """Without the fields."""
        for path in self.fields:
            event = _dropped(event, path)
            for key in below(event, path):
                event = _dropped(event, key)
        for pattern in self.patterns:
            for path in filter(pattern.search, paths(event)):
                event = _dropped(event, path)
        return event

    def may_touch(self, line: bytes) -> bool:
        """Whether it has one of the fields."""
        return bool(self.patterns) or any(mentions(line, path) for path in self.fields)


def _dropped(event: Event, path: str) -> Event:
    return event if path in KEPT or path.startswith(_INSIDE_KEPT) else without(event, path)


class IncludeFields(Struct, frozen=True):
    """Keeps these fields and what lies inside them, the time and the type; drops the others."""

    fields: tuple[str, ...]

    def process(self, event: Event) -> Event:
        """With these fields only."""
        wanted = (*KEPT, *self.fields)
        inside = tuple(f"{path}." for path in wanted)
        kept = {k: v for k, v in event.items() if k in wanted or k.startswith(inside)}
        if len(kept) == len(event):
            return event
        for path in self.fields:
            if path not in kept and (value := find(event, path)) is not MISSING:
                kept = put(kept, path, value)
        return kept

    def may_touch(self, _line: bytes) -> bool:
        """Every event."""
        return True


class MoveFields(Struct, frozen=True):
    """Renames or copies fields, one after the other; never onto a field that is there."""

    #: From and to.
    fields: tuple[tuple[str, str], ...]
    is_copy: bool = False
    ignore_missing: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        """With the fields under their new names."""
        steps = (partial(self._moved, source, target) for source, target in self.fields)
        return attempted(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        """Whether it has one of the fields, or the lack of one is to be told."""
        if self.fail_on_error and not self.ignore_missing:
            return True
        return any(mentions(line, source) for source, _ in self.fields)

    def _moved(self, source: str, target: str, event: Event) -> Event:
        if (value := find(event, source)) is MISSING:
            if self.ignore_missing:
                return event
            raise Misfit(f"{source} cannot become {target}: it is not there")
        if find(event, target) is not MISSING:
            raise Misfit(
                f"{source} cannot become {target}, which is there; drop or rename it first"
            )
        return put(event if self.is_copy else without(event, source), target, value)


def attempted(
    event: Event, steps: Iterable[Callable[[Event], Event]], *, fail_on_error: bool
) -> Event:
    """The event after all steps that fit it.

    With `fail_on_error` it is all of them or none: the event as it was, with `error.message`.
    """
    new = event
    for step in steps:
        try:
            new = step(new)
        except Misfit as misfit:
            if fail_on_error:
                return told(event, str(misfit))
    return new


def told(event: Event, what: str) -> Event:
    """The event, saying why it was not processed."""
    try:
        return put(event, "error.message", what)
    except Misfit:
        return event
