"""A decoded event, and its fields by dotted path.

Only the root object is decoded. A member stays undecoded (`msgspec.Raw`) until a function reads
inside it, which halves the cost of a changed line and keeps the bytes of the other members.
No function changes an event in place: it returns a new event, or the same one if unchanged.
"""

import re
from functools import lru_cache
from typing import Any, Final, Self

import msgspec

from shipper.secrets.duplicates import has_duplicates

#: The root of an event; its members may still be `msgspec.Raw`.
Event = dict[str, Any]

#: What `find` returns for a missing field; a field with null is not missing.
MISSING: Final = object()


class Misfit(Exception):
    """A processor cannot work on this event, although the event is valid."""


class Real(float):
    """A number with a fraction or an exponent that keeps its spelling: `1.0`, `1e400`, `0.10`."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        self.text = text
        return self

    text: str


def _as_written(value: object) -> msgspec.Raw:
    if isinstance(value, Real):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} is not a JSON value")


decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
encode = msgspec.json.Encoder(enc_hook=_as_written).encode
decode_value = msgspec.json.Decoder(float_hook=Real).decode


def opened(value: Any) -> Any:
    """The value, decoded if it was not yet."""
    return decode_value(value) if type(value) is msgspec.Raw else value


def without_duplicates(line: bytes) -> bytes:
    """The line with each member once, the last one; the same object if none comes twice."""
    once = encode(decode_value(line))
    # Most lines are written as `encode` writes them, and need no second check.
    return line if once == line or not has_duplicates(str(line, "utf-8")) else once


def find(event: Event, path: str) -> Any:
    """The value of a field, or `MISSING`.

    As in Filebeat, each level is searched for the rest of the path as one key, then for its first
    part. So a line may have `{"log.level": …}` or `{"log": {"level": …}}`.
    """
    node: Any = event
    while path not in node:
        head, dot, path = path.partition(".")
        if not dot or type(node := opened(node.get(head))) is not dict:
            return MISSING
    return opened(node[path])


def put(event: Event, path: str, value: object) -> Event:
    """The event with the field set, in new objects if needed.

    Raises `Misfit` if a part of the path has a value that is not an object.
    """
    head, dot, rest = path.partition(".")
    if path in event or not dot:
        return {**event, path: value}
    child = opened(event.get(head, {}))
    if type(child) is not dict:
        raise Misfit(f"{head} is not an object")
    return {**event, head: put(child, rest, value)}


def without(event: Event, path: str) -> Event:
    """The event without the field; the same event if the field is missing."""
    if path in event:
        return {key: value for key, value in event.items() if key != path}
    head, dot, rest = path.partition(".")
    if not dot or type(child := opened(event.get(head))) is not dict:
        return event
    reduced = without(child, rest)
    return event if reduced is child else {**event, head: reduced}


def below(event: Event, path: str) -> list[str]:
    """The root's dotted keys of fields inside `path`, which ECS loggers write."""
    prefix = f"{path}."
    return [key for key in event if key.startswith(prefix)]


def merged(event: Event, fields: Event) -> Event:
    """The event with all `fields`: objects are merged, other values replace the old ones."""
    new = {**event}
    for key, value in fields.items():
        is_object = type(value) is dict and type(old := opened(event.get(key))) is dict
        new[key] = merged(old, value) if is_object else value
    return new


def paths(event: Event, prefix: str = "") -> list[str]:
    """The paths of all fields, including objects."""
    found: list[str] = []
    for key, member in event.items():
        found.append(prefix + key)
        if type(value := opened(member)) is dict:
            found += paths(value, f"{prefix}{key}.")
    return found


def mentions(line: bytes, path: str) -> bool:
    r"""False only if a line in which no character is written as `\u…` cannot have the field."""
    return min(map(line.rfind, parts(path)), default=0) >= 0  # `in` takes double


def literals(text: str) -> tuple[bytes, ...]:
    r"""The parts of a text that stand in JSON as they are, unless written as `\u…`."""
    return tuple(part.encode() for part in _ESCAPED.split(text) if part)


#: A solidus may be escaped, the others must be.
_ESCAPED = re.compile(r'["\\/\x00-\x1f]')


@lru_cache(maxsize=1024)  # the paths of the configuration
def parts(path: str) -> tuple[bytes, ...]:
    """The literals of all keys of a path."""
    return tuple(piece for part in path.split(".") for piece in literals(part))
