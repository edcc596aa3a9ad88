"""Objects in texts: `decode_json_fields`, with Filebeat's rules for what replaces what."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from shipper.processors.dotted import expanded
from shipper.processors.event import (
    MISSING,
    Event,
    Misfit,
    decode_value,
    find,
    mentions,
    merged,
    opened,
    put,
)

#: A line of 10 MiB may hold a text that nests as deep as msgspec reads; its error names no content.
_UNREADABLE = (msgspec.DecodeError, RecursionError, ValueError)


class DecodeJsonFields(Struct, frozen=True, kw_only=True):
    """Replaces texts that are JSON by what they say, or puts it into `target`."""

    fields: tuple[str, ...]
    #: How many texts within texts are decoded.
    max_depth: int = 1
    #: Whether the items of a list are decoded too.
    process_array: bool = False
    #: Where the values go: in the place of the text by default, at the root if empty.
    target: str | None = None
    #: Whether values replace those that the event has; only at the root.
    overwrite_keys: bool = False
    expand_keys: bool = False
    #: Whether `error` says why a text cannot be decoded.
    add_error_key: bool = False

    def process(self, event: Event) -> Event:
        for path in self.fields:
            text = find(event, path)
            if type(text) is str:
                event = self._decoded(event, path, text)
        return event

    def may_touch(self, line: bytes) -> bool:
        for path in self.fields:  # noqa: SIM110 - runs for every line
            if mentions(line, path):
                return True
        return False

    def _decoded(self, event: Event, path: str, text: str) -> Event:
        try:
            value = self._value(text, self.max_depth)
            if self.expand_keys and type(value) is dict:
                value = expanded(value)
            target = path if self.target is None else self.target
            return put(event, target, value) if target else self._at_root(event, value)
        except (*_UNREADABLE, Misfit) as error:
            return self._failed(event, path, text, error)

    def _value(self, text: str, depth: int) -> Any:
        value = decode_value(text)
        if depth == 1:
            return value
        if type(value) is dict:
            return {key: self._inner(one, depth - 1) for key, one in value.items()}
        if type(value) is list:
            if not self.process_array:
                raise Misfit("a list, and process_array is off")
            return [self._inner(one, depth - 1) for one in value]
        return value

    def _inner(self, value: Any, depth: int) -> Any:
        """A text within that is an object or a list, decoded; any other value as it is."""
        if type(value) is not str or (value.strip()[:1], value.strip()[-1:]) not in _STRUCTURED:
            return value
        try:
            return self._value(value, depth)
        except (*_UNREADABLE, Misfit):
            return value

    def _at_root(self, event: Event, value: Any) -> Event:
        if type(value) is not dict:
            raise Misfit("only an object can be placed at the root")
        given = {key: one for key, one in value.items() if key != "@metadata"}
        if not self.overwrite_keys:
            given.pop("@timestamp", None)
            return _filled(event, given)
        error = _unfit(given)
        new = merged(event, given)
        return _with_json_error(new, error) if error and self.add_error_key else new

    def _failed(self, event: Event, path: str, text: str, error: Exception) -> Event:
        if not self.add_error_key:
            return event
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        more = {"data": text, "field": path}
        return _with_json_error(event, f"parsing input as JSON: {reason}", more)


_STRUCTURED = (("{", "}"), ("[", "]"))


def _with_json_error(event: Event, message: str, more: Event = {}) -> Event:  # noqa: B006 - only read
    return {**event, "error": {"message": message, "type": "json", **more}}


def _filled(event: Event, fields: Event) -> Event:
    """The event with the fields that it lacks; objects are filled, other values stay."""
    new = {**event}
    for key, value in fields.items():
        old = opened(new.get(key, MISSING))
        if old is MISSING:
            new[key] = value
        elif type(old) is dict and type(value) is dict:
            new[key] = _filled(old, value)
    return new


def _unfit(given: Event) -> str:
    """Take out an `@timestamp` and a `type` that the event cannot have; why, for the last one."""
    error = ""
    if "@timestamp" in given and not _is_time(given["@timestamp"]):
        del given["@timestamp"]
        error = "@timestamp not overwritten (not a time in ISO 8601)"
    kind = given.get("type", "x")
    if type(kind) is not str or not kind or kind.startswith("_"):
        del given["type"]
        error = "type not overwritten (not a text, empty, or begins with _)"
    return error


def _is_time(value: Any) -> bool:
    try:
        return type(value) is str and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
