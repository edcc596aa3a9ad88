"""HTTP/1.1 on one connection: h11's events, read and written as fast as the peer goes.

What came in one piece is written in one piece: a channel is flushed before anybody waits for more.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

import h11

#: Bytes of a head; h11 refuses a longer one.
_MAX_HEAD = 1 << 16
#: Bytes that are read at once.
BLOCK = 1 << 16
#: A peer that takes nothing for so long has gone.
_STALL_S = 300
#: A peer that has its answer may send as much, for as long, before its connection ends.
_MAX_LINGER, _LINGER_S = 1 << 20, 1
#: When the kernel asks a silent peer whether it is there, how often, and how many times.
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
Event: TypeAlias = h11.Event | type[h11.PAUSED] | type[h11.NEED_DATA]


class Channel:
    """One connection, to a client or to a server."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.http = h11.Connection(role, _MAX_HEAD)
        self._reader, self._writer = reader, writer
        self._unsent = b""
        _keep_alive(writer)

    async def event(self, limit_s: float | None, first: Callable[[], Awaitable[None]]) -> Event:
        """The next event; `first` is done before this waits for the peer, at most `limit_s`.

        Raises `h11.RemoteProtocolError`, `OSError` (`TimeoutError` is one).
        """
        while (event := self.http.next_event()) is h11.NEED_DATA:
            await first()
            async with asyncio.timeout(limit_s):
                self.http.receive_data(await self._reader.read(BLOCK))
        return event

    def put(self, event: h11.Event) -> None:
        """Take an event, to be written by the next `flush`. Raises `h11.LocalProtocolError`."""
        self._unsent += self.http.send(event) or b""

    async def flush(self) -> None:
        """Write what was put; waits while the peer takes nothing. Raises `OSError`."""
        if not self._unsent:
            return
        self._writer.write(self._unsent)
        self._unsent = b""
        if self._writer.transport.get_write_buffer_size() > BLOCK:
            async with asyncio.timeout(_STALL_S):
                await self._writer.drain()

    async def end(self) -> None:
        """Wait until the peer ends the connection; of what comes before that, one block is kept."""
        if data := await self._reader.read(BLOCK):
            self.http.receive_data(data)
            await asyncio.Event().wait()

    async def linger(self) -> None:
        """Take what the peer still sends: else the kernel may drop an answer that is on its way."""
        room = _MAX_LINGER
        with suppress(OSError):
            async with asyncio.timeout(_LINGER_S):
                while room > 0 and (data := await self._reader.read(BLOCK)):
                    room -= len(data)

    @property
    def is_over(self) -> bool:
        """Whether the peer has ended the connection."""
        return self._reader.at_eof() or self._writer.is_closing()

    def is_next(self) -> bool:
        """Whether another request can follow on this connection; makes it ready for that."""
        if (self.http.our_state, self.http.their_state) != (h11.DONE, h11.DONE):
            return False
        self.http.start_next_cycle()
        return not self.is_over

    @property
    def peer(self) -> tuple[str, int]:
        host, port, *_ = self._writer.get_extra_info("peername") or ("", 0)
        return host, port

    def close(self) -> None:
        """Send what is written, and end; a message that is not complete stays so."""
        self._writer.close()


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if (option := getattr(socket, name, None)) is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
