"""Server-sent events in a stream of bytes: each is examined as it passes, but not stored."""

import re

from msgspec import Struct

from shipper.wire.jsonrpc import BodyFraming, Look

#: Bytes of a line that is not data: of a name, an id, or a comment.
_MAX_LINE = 1024
_ENDS = re.compile(rb"\r\n?")
_DATA = b"data:"


class ServerEvent(Struct, frozen=True):
    """One event: its kind (`message` if it names none), and a look at its data."""

    kind: bytes
    data: Look


class EventFraming:
    """The events of a stream, in whatever pieces it comes.

    `has_ids` once an event had an id: a client can then ask for what follows it elsewhere.
    """

    def __init__(self) -> None:
        self.has_ids = False
        self._line = bytearray()
        self._is_data = self._was_cr = self._has_data = False
        self._kind = b""
        self._data = BodyFraming()

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that end in these bytes."""
        if self._was_cr and data.startswith(b"\n"):
            data = data[1:]
            self._was_cr = False
        if data:
            self._was_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = _ENDS.sub(b"\n", data)
        *ended, rest = data.split(b"\n")
        events = []
        for piece in ended:
            self._add(piece)
            events += self._end_line()
        self._add(rest)
        return events

    def _add(self, piece: bytes) -> None:
        if not self._is_data:
            room = _MAX_LINE - len(self._line)
            self._line += piece[:room]
            if not self._line.startswith(_DATA):
                return
            self._is_data = True
            piece = bytes(self._line[len(_DATA) :]) + piece[room:]
            if self._has_data:
                piece = b"\n" + piece
            self._has_data = True
        self._data.add(piece)

    def _end_line(self) -> list[ServerEvent]:
        line, was_data = bytes(self._line), self._is_data
        self._line.clear()
        self._is_data = False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if not was_data and name == b"event":
            self._kind = value.removeprefix(b" ")
        elif name == b"id":
            self.has_ids = True
        return []

    def _dispatch(self) -> list[ServerEvent]:
        kind, self._kind, self._has_data = self._kind or b"message", b"", False
        return [ServerEvent(kind, look) for look in self._data.finish()]
