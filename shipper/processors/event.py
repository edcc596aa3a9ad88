"""An event between decoding and encoding, and its fields by dotted path.

Only the root object is decoded; a member stays the bytes it was (`msgspec.Raw`) until somebody
looks inside it, which halves the cost of a touched line and keeps untouched members byte for byte.
Nothing is changed in place: every function gives a new event, or the same one for "unchanged".
"""

from functools import lru_cache
from typing import Any, Final, Self

import msgspec

#: The root of an event; its members may be `msgspec.Raw` still.
Event = dict[str, Any]

#: What `find` gives for a field that is not there; null is there.
MISSING: Final = object()


class Misfit(Exception):
    """A processor cannot do its work on this event; the event itself is good."""


class Real(float):
    """A number with a fraction or an exponent, written again as it was: `1.0`, `1e400`, `0.10`."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        """Of the text as it stands in the line."""
        self = super().__new__(cls, text)
        self.text = text
        return self

    text: str


def _as_written(value: object) -> msgspec.Raw:
    if isinstance(value, Real):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"{type(value).__name__} is no value of JSON")


decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
encode = msgspec.json.Encoder(enc_hook=_as_written).encode
decode_value = msgspec.json.Decoder(float_hook=Real).decode


def opened(value: Any) -> Any:
    """The value itself, decoded if nobody has looked at it yet."""
    return decode_value(value) if type(value) is msgspec.Raw else value


def find(event: Event, path: str) -> Any:
    """The value of a field, or `MISSING`.

    As in Filebeat: at each level first the rest of the path as one key, then its first part. So a
    line may have `{"log.level": …}` or `{"log": {"level": …}}`.
    """
    node: Any = event
    while path not in node:
        head, dot, path = path.partition(".")
        if not dot or type(node := opened(node.get(head))) is not dict:
            return MISSING
    return opened(node[path])


def put(event: Event, path: str, value: object) -> Event:
    """With the field set, and objects on its way; raises `Misfit` if no object is there."""
    head, dot, rest = path.partition(".")
    if path in event or not dot:
        return {**event, path: value}
    child = opened(event.get(head, {}))
    if type(child) is not dict:
        raise Misfit(f"{head} is no object")
    return {**event, head: put(child, rest, value)}


def without(event: Event, path: str) -> Event:
    """Without the field; the same event where it is missing."""
    if path in event:
        return {key: value for key, value in event.items() if key != path}
    head, dot, rest = path.partition(".")
    if not dot or type(child := opened(event.get(head))) is not dict:
        return event
    less = without(child, rest)
    return event if less is child else {**event, head: less}


def below(event: Event, path: str) -> list[str]:
    """Keys of the root that spell out fields inside `path`, as ECS loggers write them."""
    start = f"{path}."
    return [key for key in event if key.startswith(start)]


def merged(event: Event, fields: Event) -> Event:
    """With all `fields`: objects are merged, any other value takes the place of the old one."""
    new = {**event}
    for key, value in fields.items():
        is_object = type(value) is dict and type(old := opened(event.get(key))) is dict
        new[key] = merged(old, value) if is_object else value
    return new


def paths(event: Event, prefix: str = "") -> list[str]:
    """The path of every field, of objects too."""
    found: list[str] = []
    for key, member in event.items():
        found.append(prefix + key)
        if type(value := opened(member)) is dict:
            found += paths(value, f"{prefix}{key}.")
    return found


def mentions(line: bytes, path: str) -> bool:
    """False only if the line, which has no backslash, cannot have the field.

    Without a backslash every key and text of a line stands in it as it is.
    """
    return all(map(line.__contains__, _parts(path)))


@lru_cache(maxsize=1024)  # the paths of the configuration
def _parts(path: str) -> tuple[bytes, ...]:
    return tuple(part.encode() for part in path.split("."))
