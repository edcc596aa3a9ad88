"""Messages of JSON-RPC in a stream of bytes, of any length: each is examined, but not stored.

A message that is longer than `HEAD` is read from its first and its last bytes: peers write a
message's id before or after its content.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import msgspec
from msgspec import Struct

#: Bytes of a message that are kept from its beginning and from its end.
HEAD, TAIL = 1 << 16, 1 << 10
#: Messages of one batch that are read.
_MAX_BATCH = 1000
_MAX_DEPTH = 200


class Look(Struct, frozen=True):
    """A message as far as it is kept: complete in `head`, if it is no longer than that."""

    size: int
    head: bytes
    tail: bytes = b""

    @property
    def is_cut(self) -> bool:
        return self.size > len(self.head)


class Framing(Protocol):
    """How messages follow one another in a stream of bytes."""

    def feed(self, data: bytes) -> list[Look]:
        """The messages that end in these bytes."""

    def finish(self) -> list[Look]:
        """The message that the end of the stream ends."""


class BodyFraming:
    """One message that takes all the bytes, as in a body of HTTP."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = b""
        self._size = 0

    def feed(self, data: bytes) -> list[Look]:
        self.add(data)
        return []

    def finish(self) -> list[Look]:
        look = Look(self._size, bytes(self._head), self._tail)
        self._head.clear()
        self._tail, self._size = b"", 0
        return [look] if look.head.strip() else []

    def add(self, piece: bytes) -> None:
        """Take up the next bytes of the message."""
        room = HEAD - len(self._head)
        self._size += len(piece)
        self._head += piece[:room]
        if len(piece) > room:
            self._tail = (self._tail + piece[max(room, len(piece) - TAIL) :])[-TAIL:]


class LineFraming(BodyFraming):
    """Messages that end with a newline, as they do in MCP's stdio transport."""

    def feed(self, data: bytes) -> list[Look]:
        *ended, rest = data.split(b"\n")
        looks = []
        for piece in ended:
            self.add(piece)
            looks += self.finish()
        self.add(rest)
        return looks


def messages_in(look: Look) -> Iterator[dict[str, object]]:
    """The messages of one look; none if it is not JSON-RPC. A cut message lacks what was cut."""
    value = _cut_message(look) if look.is_cut else _decoded(look.head)
    for message in value[:_MAX_BATCH] if isinstance(value, list) else [value]:
        if isinstance(message, dict):
            yield message


def _decoded(data: bytes) -> object:
    """The value, also of what is no JSON and a lenient server takes for it: NaN, UTF-16."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        with suppress(ValueError, RecursionError):
            return json.loads(data)
    return None


#: What ends a message that carries its id or method, or that a tool failed, behind the content.
_REST = rb'(?:,\s*"(?:jsonrpc|id|method)"\s*:\s*(?:"(?:[^"\\]|\\.)*"|-?\d+)\s*)*\}\s*\Z'
_LAST_ID = re.compile(rb'[,{}]\s*"id"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+)\s*' + _REST)
_LAST_METHOD = re.compile(rb'[,{}]\s*"method"\s*:\s*("(?:[^"\\]|\\.)*")\s*' + _REST)
_LAST_NAME = re.compile(rb',\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*\}\s*' + _REST)
_LAST_ERROR = re.compile(
    rb'[,{]\s*"isError"\s*:\s*true\s*(?:,\s*"resultType"\s*:\s*"[^"\\]*"\s*)?\}\s*' + _REST
)


def _cut_message(look: Look) -> object:
    value = _decoded(_closed(look.head))
    if not isinstance(value, dict):
        return None
    if "id" not in value and (found := _LAST_ID.search(look.tail)):
        value["id"] = _decoded(found[1])
    if not value.keys() & {"method", "result"} and (found := _LAST_METHOD.search(look.tail)):
        value["method"] = _decoded(found[1])
    params = value.get("params")
    if isinstance(params, dict) and "arguments" in params and "name" not in params:
        params |= {"name": _decoded(found[1])} if (found := _LAST_NAME.search(look.tail)) else {}
    result = value.get("result")
    if isinstance(result, dict) and "isError" not in result and _LAST_ERROR.search(look.tail):
        result["isError"] = True
    return value


_TOKEN = re.compile(
    rb"[ \t\r\n]+|(?P<mark>[{}\[\],:])"
    rb'|(?P<text>"[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*)*)(?P<end>")?'
    rb"|(?P<plain>[^\s{}\[\],:\"]+)"
)
_CLOSERS = {b"{": b"}", b"[": b"]"}


def _closed(head: bytes) -> bytes:
    """The beginning of a JSON value as JSON: cut behind the last value in it, and closed."""
    open_marks: list[bytes] = []
    safe, before = (0, b""), b""
    for token in _TOKEN.finditer(head):
        mark, text = token["mark"], token["text"]
        is_key = open_marks[-1:] == [b"{"] and before in (b"{", b",")
        if text is not None and not is_key and token["end"] is None:
            return _valid(text, head[: token.start()]) + b'"' + _closing(open_marks)
        if mark in _CLOSERS:
            open_marks.append(mark)
        elif mark in (b"}", b"]"):
            del open_marks[-1:]
        if len(open_marks) > _MAX_DEPTH:
            break
        is_last = token.end() == len(head)  # a number may continue
        if (
            mark not in (b",", b":", None)
            or (text and not is_key)
            or (token["plain"] and not is_last)
        ):
            safe = token.end(), _closing(open_marks)
        before = mark or (before if token[0].isspace() else b"value")
    return head[: safe[0]] + safe[1]


def _valid(text: bytes, before: bytes) -> bytes:
    """The text behind `before`, without half a character at its end."""
    whole = text.decode("utf-8", "ignore").encode()
    return before + re.sub(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z", b"", whole)


def _closing(open_marks: list[bytes]) -> bytes:
    return b"".join(_CLOSERS[mark] for mark in reversed(open_marks))
