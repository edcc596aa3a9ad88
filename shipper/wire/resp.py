"""RESP2, the protocol that every Redis speaks: bytes and meaning, no network.

A command is an array of bulk strings. A reply starts with its type; its first line ends in CRLF:

    +text      a simple string
    -text      an error; its first word is a code
    :number    an integer
    $length    a bulk string: `length` bytes and CRLF follow; null if it is -1
    *count     an array: `count` replies follow; null if it is -1
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from shipper.errors import ProtocolError

_LINE_END = b"\r\n"

#: Redis' own bound for a line.
_MAX_LINE_BYTES = 64 << 10

#: A transaction's replies are one array deep.
_MAX_DEPTH = 8

_MIN_REPLY_BYTES = len(b"+\r\n")

_INTEGER = re.compile(rb"[+-]?[0-9]{1,19}")
_MAX_LENGTH_DIGITS = 10


class ErrorReply(Struct, frozen=True):
    """An error that the server replies with."""

    text: str


Reply = bytes | int | ErrorReply | list["Reply"] | None


def command(*words: bytes) -> bytes:
    """The bytes of one command."""
    return b"*%d\r\n%b" % (len(words), b"".join(map(_bulk, words)))


def commands(*words: bytes, last: Iterable[bytes]) -> list[bytes]:
    """One command for each of `last`: the same words, followed by it."""
    head = b"*%d\r\n%b" % (len(words) + 1, b"".join(map(_bulk, words)))
    return [b"%b$%d\r\n%b\r\n" % (head, len(word), word) for word in last]


def _bulk(word: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(word), word)


class _Array(Struct):
    items: list[Reply]
    count: int | None


class Receiver:
    """The client's receiving end: bytes in, complete replies out."""

    __slots__ = ("_arrays", "_data", "_max_bytes", "_size_bytes")

    def __init__(self, *, max_bytes: int = 16 << 20) -> None:
        """`max_bytes`: the bound of a reply, including the replies within it."""
        self._max_bytes = max_bytes
        self._data = b""
        #: The incomplete arrays, each within the one before; the first holds the replies.
        self._arrays = [_Array([], None)]
        #: The size of the incomplete reply so far.
        self._size_bytes = 0

    def receive(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes."""
        self._data += data
        start = 0
        while (found := self._element(start)) is not None:
            element, end = found
            self._add(element, end - start)
            start = end
        self._data = self._data[start:]
        replies = self._arrays[0].items
        self._arrays[0].items = [replies.pop()] if len(self._arrays) > 1 else []
        return replies

    def _add(self, element: Reply | _Array, size_bytes: int) -> None:
        self._size_bytes += size_bytes
        arrays = self._arrays
        if isinstance(element, _Array):
            arrays[-1].items.append(element.items)
            arrays.append(element)
            if len(arrays) > _MAX_DEPTH:
                raise ProtocolError(f"a reply nests deeper than {_MAX_DEPTH - 1} arrays")
        else:
            arrays[-1].items.append(element)
        while len(arrays[-1].items) == arrays[-1].count:
            arrays.pop()
        if len(arrays) == 1:
            self._size_bytes = 0

    def _element(self, start: int) -> tuple[Reply | _Array, int] | None:
        """The value or the head of an array at `start`, and its end; None if incomplete."""
        data = self._data
        kind = data[start : start + 1]
        if kind not in b"+-:$*":
            raise ProtocolError(f"expected a reply, got {data[start : start + 20]!r}")
        stop = data.find(_LINE_END, start, start + _MAX_LINE_BYTES)
        if stop < 0:
            if len(data) - start >= _MAX_LINE_BYTES:
                raise ProtocolError(f"a line of a reply is longer than {_MAX_LINE_BYTES} bytes")
            return None
        text, end = data[start + 1 : stop], stop + len(_LINE_END)
        if kind == b"$":
            return self._bulk(_length(text), end)
        if kind == b"+":
            return text, end
        if kind == b"-":
            return ErrorReply(text.decode("utf-8", "replace")), end
        if kind == b":":
            return _integer(text), end
        return self._array(_length(text)), end

    def _bulk(self, length: int, start: int) -> tuple[Reply, int] | None:
        if length < 0:
            return None, start
        self._check_room(length)
        stop, end = start + length, start + length + len(_LINE_END)
        if len(self._data) < end:
            return None
        if self._data[stop:end] != _LINE_END:
            raise ProtocolError("a bulk string is longer than its length")
        return self._data[start:stop], end

    def _array(self, count: int) -> _Array | None:
        self._check_room(count * _MIN_REPLY_BYTES)
        return _Array([], count) if count >= 0 else None

    def _check_room(self, more_bytes: int) -> None:
        if self._size_bytes + more_bytes > self._max_bytes:
            raise ProtocolError(f"a reply is longer than {self._max_bytes} bytes")


def _integer(text: bytes) -> int:
    if not _INTEGER.fullmatch(text):
        raise ProtocolError(f"expected a number in a reply, got {text[:20]!r}")
    return int(text)


def _length(text: bytes) -> int:
    """The length of a bulk string or array; -1 for null."""
    if (text.isdigit() and len(text) <= _MAX_LENGTH_DIGITS) or text == b"-1":
        return int(text)
    raise ProtocolError(f"expected a number in a reply, got {text[:20]!r}")
