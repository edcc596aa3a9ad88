"""The JSON of an event, made from a text, or from an object by adding its origin."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec

from shipper.forms.check import EXCERPT_BYTES, over_long
from shipper.forms.text.bounded import PIECE_BYTES, bounded_json
from shipper.forms.text.message import REPLACED, TRUNCATED, Message
from shipper.shown import as_text

_encode = msgspec.json.Encoder().encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Conflict(ValueError):
    """Two keys of an object take the same place."""


class Origin:
    """What the lines of a block have in common: their file, and the time when they were read."""

    __slots__ = ("_common", "_file", "_now")

    def __init__(self, path: str, common: Mapping[str, object]) -> None:
        """`common` has the other fields that every event gets, such as `input` and `ecs`."""
        self._file = {"file": {"path": as_text(path)}} if path else {}
        self._common = common
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._now = now.replace("+00:00", "Z")

    def template(self) -> bytes:
        """The event of a plain text, for `%`: its offset, and its JSON without quotes."""
        offset, text = "\0offset", "\0text"
        event = {"@timestamp": self._now, "log": {**self._file, "offset": offset}, **self._common}
        json = _encode({**event, "message": text}).replace(b"%", b"%%")
        return json.replace(_encode(offset), b"%d", 1).replace(_encode(text), b'"%b"', 1)

    def text(self, message: Message, max_bytes: int) -> bytes:
        """The event made from a text, of which JSON of about `max_bytes` is kept."""
        if len(message.text) > PIECE_BYTES:
            return self._long_text(message, max_bytes)
        try:
            text = str(message.text, "utf-8")
        except UnicodeDecodeError:
            text = str(message.text, "utf-8", "replace")
            message.flags += (REPLACED,)
        return _encode({**self._fields(message), "message": text})

    def _long_text(self, message: Message, max_bytes: int) -> bytes:
        json, used, is_replaced = bounded_json(message.text, max_bytes)
        if is_replaced:
            message.flags += (REPLACED,)
        if used < len(message.text):
            _note_cut(message, max_bytes)
        return _encode({**self._fields(message), "message": msgspec.Raw(json)})

    def object(self, message: Message, target: str) -> bytes:
        """The event made from an object, which is placed under `target` or at the root.

        At the root, the object's own members replace added ones, except that `log` is merged.
        """
        event = self._fields(message)
        if target:
            return _encode({**event, target: msgspec.Raw(message.text)})
        members = _members.decode(message.text)
        try:
            log = {**event["log"], **_members.decode(members["log"])}
        except (KeyError, msgspec.DecodeError, RecursionError):
            return _encode({**event, **members})
        return _encode({**event, **members, "log": log})

    def _fields(self, message: Message) -> dict[str, Any]:
        log: dict[str, object] = {**self._file, "offset": message.start}
        event = {"@timestamp": message.timestamp or self._now, "log": log, **self._common}
        if message.flags:
            log["flags"] = message.flags
        if record := message.truncated:
            log["truncated"] = {"bytes": record.length, "sha256": record.sha256}
        if message.stream:
            event["stream"] = message.stream
        if message.error:
            event["error"] = dict(zip(("type", "message"), message.error, strict=True))
        return event


def _note_cut(message: Message, max_bytes: int) -> None:
    """Mark a message of which only the beginning is sent, unless its line is cut already."""
    if message.truncated is None:
        text = message.text
        digest = sha256(text).hexdigest()
        excerpt = text[:EXCERPT_BYTES]
        cut = over_long(excerpt, message.start, len(text), digest, max_bytes, is_encoded=True)
        message.truncated = cut
        message.flags += (TRUNCATED,)


def expanded(line: bytes) -> bytes:
    """The object with its dotted keys expanded: `{"a.b": 1}` becomes `{"a": {"b": 1}}`.

    Raises `Conflict` if two of its keys take the same place: one of the values would be lost.
    """
    try:
        return _encode(_expanded(_members.decode(line)))
    except RecursionError:  # deeper than any index accepts: the output will refuse it
        return line


def _expanded(members: Mapping[str, Any]) -> dict[str, Any]:
    into: dict[str, Any] = {}
    for key, value in members.items():
        names = key.split(".")
        _merge(into, names if all(names) else [key], _expanded_value(value))
    return into


def _expanded_value(value: Any) -> Any:
    is_object = bytes(value).startswith(b"{")
    return _expanded(_members.decode(value)) if is_object else value


def _merge(into: dict[str, Any], names: list[str], value: Any) -> None:
    *parents, last = names
    for name in parents:
        into = into.setdefault(name, {})
        if not isinstance(into, dict):
            raise Conflict(f"not expanded: its keys conflict at {name!r}")
    if last not in into:
        into[last] = value
    elif isinstance(value, dict) and isinstance(into[last], dict):
        for name, one in value.items():
            _merge(into[last], [name], one)
    else:
        raise Conflict(f"not expanded: its keys conflict at {last!r}")
