"""One request and its answer, passed between two channels as they come."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import h11

from shipper.capture.emit import attempt
from shipper.proxy import headers
from shipper.proxy.channel import Channel
from shipper.proxy.routes import Route
from shipper.proxy.watch import Watch

#: A tool may work for long; a server that is silent for longer has failed.
_ANSWER_S = 3600
#: A client that sends nothing of a body for so long has gone.
_BODY_S = 120
#: Bytes of a request that are read, for the record, though no server takes them.
_MAX_UNSENT = 1 << 20


class ClientGone(Exception):
    """The client has ended its connection, or does not speak HTTP any more."""


class ServerGone(Exception):
    """The server has failed before its answer was complete; `status` is what to answer, if any."""

    def __init__(self, status: int | None) -> None:
        super().__init__(status)
        self.status = status


class Exchange:
    """One exchange, with what it becomes in the record."""

    def __init__(self, client: Channel, server: Channel, route: Route, watch: Watch) -> None:
        self._client, self._server = client, server
        self._route, self._watch = route, watch
        self._is_answered = False

    async def run(self, request: h11.Request) -> None:
        """Pass the request and its answer on. Raises `ClientGone`, `ServerGone`."""
        try:
            await self._server.send(request)
        except (OSError, h11.LocalProtocolError) as error:
            raise ServerGone(502) from error
        asking = asyncio.create_task(self._ask())
        answering = asyncio.create_task(self._answer())
        try:
            await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asking.cancel()
            answering.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)
        # The answer decides, if it has ended: a server may refuse a request that is not complete.
        (asking if answering.cancelled() else answering).result()

    async def _ask(self) -> None:
        """Pass the request's body on, then wait for the client to go."""
        takes = True
        try:
            async for event in _body_of(self._client, self._watch):
                takes = takes and await self._sent(event)
            await self._client.end()
        except (OSError, h11.RemoteProtocolError) as error:
            raise ClientGone from error
        raise ClientGone

    async def _sent(self, event: h11.Event) -> bool:
        """Whether the server takes it: one that does not may have answered already."""
        try:
            await self._server.send(event)
        except (OSError, h11.LocalProtocolError):
            return False
        return True

    async def _answer(self) -> None:
        """Pass the answer on, head first."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                attempt(self._watch.said, bytes(event.data))
            elif isinstance(event, (h11.Response, h11.InformationalResponse)):
                event = self._head(event)
            elif isinstance(event, h11.EndOfMessage):
                await self._pass(h11.EndOfMessage())
                return
            await self._pass(event)

    async def _next(self) -> h11.Event:
        try:
            async with asyncio.timeout(None if self._is_answered else _ANSWER_S):
                event = await self._server.event()
        except TimeoutError as error:
            raise ServerGone(504) from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise ServerGone(None if self._is_answered else 502) from error
        if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
            raise ServerGone(None if self._is_answered else 502)
        return event

    def _head(
        self, event: h11.Response | h11.InformationalResponse
    ) -> h11.Response | h11.InformationalResponse:
        given = event.headers.raw_items()
        kept = headers.answered(given, self._route)
        if isinstance(event, h11.Response):
            self._is_answered = True
            attempt(self._watch.answered, event.status_code, given)
        return type(event)(status_code=event.status_code, headers=kept, reason=event.reason)

    async def _pass(self, event: h11.Event) -> None:
        try:
            await self._client.send(event)
        except OSError as error:
            raise ClientGone from error


async def take_unsent(client: Channel, watch: Watch) -> None:
    """Read a request that no server takes, for the record and a client that would not stop."""
    room = _MAX_UNSENT
    if client.http.their_state is not h11.SEND_BODY:
        return
    with suppress(OSError, h11.RemoteProtocolError):
        async for event in _body_of(client, watch):
            room -= len(event.data) if isinstance(event, h11.Data) else 0
            if room < 0:
                return


async def _body_of(client: Channel, watch: Watch) -> AsyncIterator[h11.Data | h11.EndOfMessage]:
    """The body of a request, looked at; its trailers are left out, as RFC 9110 6.5.1 allows."""
    while True:
        async with asyncio.timeout(_BODY_S):
            event = await client.event()
        if isinstance(event, h11.Data):
            attempt(watch.asked, bytes(event.data))
            yield event
        elif isinstance(event, h11.EndOfMessage):
            attempt(watch.asked_all)
            yield h11.EndOfMessage()
            return
        else:
            raise ConnectionResetError
