"""Processors that add, drop, keep, rename and copy fields."""

from functools import partial

from msgspec import Struct
from msgspec.structs import force_setattr

from shipper.patterns import Pattern
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
from shipper.processors.failures import attempted

#: Fields that are never dropped.
KEPT = ("@timestamp", "type")
_INSIDE_KEPT = tuple(f"{path}." for path in KEPT)


class AddFields(Struct, frozen=True):
    """Merges constants into the event; they replace existing values."""

    #: Nested, inside the target.
    fields: Event
    #: Their dotted paths: an event that has them as keys of the root loses those keys.
    _flat: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        flat = frozenset(path for path in paths(self.fields) if path not in self.fields)
        force_setattr(self, "_flat", flat)

    def process(self, event: Event) -> Event:
        if not self.fields:
            return event
        new = merged(event, self.fields)
        for path in self._flat:
            new.pop(path, None)
        return new

    def may_touch(self, _line: bytes) -> bool:
        return bool(self.fields)


class AddTags(Struct, frozen=True):
    """Appends tags to a list of tags."""

    tags: tuple[str, ...]
    target: str = "tags"

    def process(self, event: Event) -> Event:
        old = find(event, self.target)
        if old is MISSING or old is None:
            old = []
        tags = old if type(old) is list else [old]
        try:
            return put(event, self.target, [*tags, *self.tags])
        except Misfit:
            return event

    def may_touch(self, _line: bytes) -> bool:
        return bool(self.tags)


class DropEvent(Struct, frozen=True):
    """Drops the event; useful only with a condition."""

    def process(self, _event: Event) -> None:
        return

    def may_touch(self, _line: bytes) -> bool:
        return True


class DropFields(Struct, frozen=True):
    """Drops fields with everything inside them, and fields whose path matches a pattern.

    `@timestamp` and `type` are never dropped.
    """

    fields: tuple[str, ...]
    patterns: tuple[Pattern, ...] = ()

    #: Members of the root to drop, and how the keys of fields in them begin.
    _roots: tuple[frozenset[str], tuple[str, ...]] = (frozenset(), ())

    #: A member that comes twice would be sent with the value of the first one.
    hides = True

    def __post_init__(self) -> None:
        names = frozenset(path for path in self.fields if "." not in path) - {*KEPT}
        force_setattr(self, "_roots", (names, tuple(f"{name}." for name in names)))

    def process(self, event: Event) -> Event:
        event = self._without_roots(event)
        for path in self.fields:
            if "." in path:
                event = _dropped(event, path)
                for key in below(event, path):
                    event = _dropped(event, key)
        for pattern in self.patterns:
            for path in filter(pattern.search, paths(event)):
                event = _dropped(event, path)
        return event

    def _without_roots(self, event: Event) -> Event:
        names, starts = self._roots
        left = {
            key: value
            for key, value in event.items()
            if key not in names and not ("." in key and key.startswith(starts))
        }
        return left if len(left) < len(event) else event

    def may_touch(self, line: bytes) -> bool:
        return bool(self.patterns) or any(mentions(line, path) for path in self.fields)


def _dropped(event: Event, path: str) -> Event:
    return event if path in KEPT or path.startswith(_INSIDE_KEPT) else without(event, path)


class IncludeFields(Struct, frozen=True):
    """Keeps these fields with everything inside them, `@timestamp` and `type`; drops the others."""

    fields: tuple[str, ...]

    #: As of `DropFields`.
    hides = True

    def process(self, event: Event) -> Event:
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
        return True


class MoveFields(Struct, frozen=True):
    """Renames or copies fields, in order; never replaces an existing field."""

    #: From and to.
    fields: tuple[tuple[str, str], ...]
    is_copy: bool = False
    ignore_missing: bool = False
    fail_on_error: bool = True

    def process(self, event: Event) -> Event:
        steps = (partial(self._moved, source, target) for source, target in self.fields)
        return attempted(event, steps, fail_on_error=self.fail_on_error)

    def may_touch(self, line: bytes) -> bool:
        if self.fail_on_error and not self.ignore_missing:
            return True  # a missing field is reported in the event
        return any(mentions(line, source) for source, _ in self.fields)

    def _moved(self, source: str, target: str, event: Event) -> Event:
        if (value := find(event, source)) is MISSING:
            if self.ignore_missing:
                return event
            raise Misfit(f"{source} cannot become {target}: {source} does not exist")
        if find(event, target) is not MISSING:
            raise Misfit(
                f"{source} cannot become {target}, which already exists; drop or rename it first"
            )
        return put(event if self.is_copy else without(event, source), target, value)
