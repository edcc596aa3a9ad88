"""One request and its answer, passed between two channels as they come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

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
            self._server.put(request)
        except h11.LocalProtocolError as error:
            raise ServerGone(HTTPStatus.BAD_GATEWAY) from error
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
        try:
            async for event in _body_of(self._client, self._watch, self._flush_server):
                if self._server.http.our_state is h11.SEND_BODY:
                    self._server.put(event)
            await self._flush_server()
            await self._client.end()
        except (OSError, h11.RemoteProtocolError) as error:
            raise ClientGone from error
        raise ClientGone

    async def _flush_server(self) -> None:
        """Send what there is; a server that does not take it may have answered already."""
        with suppress(OSError):
            await self._server.flush()

    async def _answer(self) -> None:
        """Pass the answer on, head first."""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                attempt(self._watch.said, bytes(event.data))
                self._put(event)
            else:
                self._put_head(event)
        self._put(h11.EndOfMessage())
        await self._flush_client()

    async def _next(self) -> h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage:
        limit_s = None if self._is_answered else _ANSWER_S
        try:
            event = await self._server.event(limit_s, self._flush_client)
        except TimeoutError as error:
            raise self._failed(HTTPStatus.GATEWAY_TIMEOUT) from error
        except (OSError, h11.RemoteProtocolError) as error:
            raise self._failed(HTTPStatus.BAD_GATEWAY) from error
        if isinstance(event, _OF_ANSWERS):
            return event
        raise self._failed(HTTPStatus.BAD_GATEWAY)

    def _put_head(self, event: h11.Response | h11.InformationalResponse) -> None:
        given = event.headers.raw_items()
        kept = headers.answered(given, self._route)
        if isinstance(event, h11.Response):
            self._is_answered = True
            attempt(self._watch.answered, event.status_code, given)
        elif (self._client.http.their_http_version or b"1.0") < b"1.1":
            return  # it knows no other heads than that of the answer
        self._put(type(event)(status_code=event.status_code, headers=kept, reason=event.reason))

    def _put(self, event: h11.Event) -> None:
        try:
            self._client.put(event)
        except h11.LocalProtocolError as error:
            raise self._failed(HTTPStatus.BAD_GATEWAY) from error

    async def _flush_client(self) -> None:
        try:
            await self._client.flush()
        except OSError as error:
            raise ClientGone from error

    def _failed(self, status: int) -> ServerGone:
        return ServerGone(None if self._is_answered else status)


_OF_ANSWERS = (h11.Response, h11.InformationalResponse, h11.Data, h11.EndOfMessage)


async def take_unsent(client: Channel, watch: Watch) -> None:
    """Read a request that no server takes, for the record and a client that would not stop."""
    room = _MAX_UNSENT
    if client.http.their_state is not h11.SEND_BODY:
        return
    with suppress(OSError, h11.RemoteProtocolError):
        async for event in _body_of(client, watch, client.flush):
            room -= len(event.data) if isinstance(event, h11.Data) else 0
            if room < 0:
                return


async def _body_of(
    client: Channel, watch: Watch, first: Callable[[], Awaitable[None]]
) -> AsyncIterator[h11.Data | h11.EndOfMessage]:
    """The body of a request, looked at; its trailers are left out, as RFC 9110 6.5.1 allows.

    `first` is done before this waits for the client.
    """
    while True:
        event = await client.event(_BODY_S, first)
        if isinstance(event, h11.Data):
            attempt(watch.asked, bytes(event.data))
            yield event
        elif isinstance(event, h11.EndOfMessage):
            attempt(watch.asked_all)
            yield h11.EndOfMessage()
            return
        else:
            raise ConnectionResetError
