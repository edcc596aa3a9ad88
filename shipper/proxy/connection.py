"""One client's connection: its requests, one after another, each to the server of its path."""

import asyncio
import ssl
import time
from functools import partial
from http import HTTPStatus
from urllib.parse import urljoin

import h11

from shipper.capture.emit import attempt
from shipper.capture.metadata import Metadata
from shipper.proxy import headers
from shipper.proxy.channel import BLOCK, Channel
from shipper.proxy.exchange import ClientGone, Exchange, ServerGone, take_unsent
from shipper.proxy.recorder import Recorder
from shipper.proxy.request import Refusal, check, scope_of, target_of
from shipper.proxy.routes import Route, Routes
from shipper.proxy.sessions import Sessions
from shipper.proxy.watch import CLIENT_GONE, SERVER_GONE, Place, Watch

_CONNECT_S = 10
#: A client may keep a connection without a request for so long, or send the head of one.
_IDLE_S = 75
#: A server's idle connection is used again for so long: some servers end theirs after 5 s.
_REUSE_S = 4
_SERVER_FAILED = "the server cannot be reached, or its answer is no HTTP/1.1"
_NOT_OURS = "no server is configured for this path"


class Shared:
    """What the connections of one proxy share. `host` is the only name of a proxy, if it is set."""

    def __init__(
        self, routes: Routes, recorder: Recorder, tls: ssl.SSLContext, scheme: str, host: str | None
    ) -> None:
        self.routes, self.recorder, self.tls = routes, recorder, tls
        self.scheme, self.host = scheme, host
        self.sessions = Sessions()
        self._metadata: dict[Route, Metadata] = {}
        #: Where clients of the older transport send messages, while their streams are open.
        self.announced: dict[str, tuple[Route, str]] = {}

    def find(self, target: str) -> tuple[Route, str] | None:
        """The server of a client's target, and the target there."""
        return self.routes.find(target) or self.announced.get(target)

    def metadata(self, route: Route) -> Metadata:
        return self._metadata.setdefault(route, Metadata())


class Connection:
    """One client's connection, and the connection to a server that its requests use in turn."""

    def __init__(
        self, shared: Shared, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._shared = shared
        self._client = Channel(h11.SERVER, reader, writer)
        self._server: Channel | None = None
        self._route: Route | None = None
        self._used_at = 0.0

    async def run(self) -> None:
        """Serve the client until it goes, or breaks the protocol."""
        try:
            while await self._serve():
                pass
        except (OSError, h11.RemoteProtocolError):
            pass
        finally:
            self._client.close()
            self._drop_server()

    async def refuse(self, refusal: Refusal) -> None:
        """Answer a client that is not served."""
        try:
            await self._refuse(refusal)
        except OSError:
            pass
        finally:
            self._client.close()

    async def _serve(self) -> bool:
        """Whether another request may follow."""
        try:
            async with asyncio.timeout(_IDLE_S):
                request = await self._client.event(None, self._client.flush)
        except h11.RemoteProtocolError as error:
            await self._refuse(Refusal(error.error_status_hint, "this is not valid HTTP/1.1"))
            return False
        if not isinstance(request, h11.Request):
            return False
        await self._handle(request)
        return self._client.is_next()

    async def _handle(self, request: h11.Request) -> None:
        target, announced = target_of(request), list[str]()
        found = self._shared.find(target)
        route, there = found or (None, target)
        announce = partial(self._announce, target, route, announced)
        place = Place(
            route.authority + route.prefix if route else "",
            there,
            self._shared.metadata(route) if route else Metadata(),
            announce,
        )
        scope = scope_of(request, target, self._client.peer)
        watch = Watch(scope, place, self._shared.sessions, self._shared.recorder)
        gone: str | None = "not_followed"  # if the proxy stops
        try:
            check(request, target, self._shared.host)
            gone = await self._pass(request, route, there, watch)
        except Refusal as refusal:
            gone = await self._answer_itself(refusal, watch)
        finally:
            for name in announced:
                self._shared.announced.pop(name, None)
            attempt(watch.ended, gone)

    async def _pass(
        self, request: h11.Request, route: Route | None, target: str, watch: Watch
    ) -> str | None:
        """Pass an exchange on; which side went before its end."""
        if route is None:
            raise Refusal(HTTPStatus.NOT_FOUND, _NOT_OURS)
        given = request.headers.raw_items()
        peer, _ = self._client.peer
        passed = headers.asked(given, route, peer, self._shared.scheme)
        outgoing = h11.Request(method=request.method, target=target, headers=passed)
        try:
            server = await self._connected(route)
            await Exchange(self._client, server, route, watch).run(outgoing)
            if not server.is_next():
                self._drop_server()
            self._used_at = time.monotonic()
            await take_unsent(self._client, watch)
        except ClientGone:
            self._drop_server()
            return CLIENT_GONE
        except ServerGone as error:
            self._drop_server()
            if error.status is None:  # the client sees that the answer is not complete
                return SERVER_GONE
            raise Refusal(error.status, _SERVER_FAILED) from error
        return None

    async def _answer_itself(self, refusal: Refusal, watch: Watch) -> str | None:
        await take_unsent(self._client, watch)
        attempt(watch.answered, refusal.status, [])
        try:
            await self._refuse(refusal)
        except OSError:
            return CLIENT_GONE
        return None

    async def _refuse(self, refusal: Refusal) -> None:
        if self._client.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        body = f"mcp-shipper: {refusal}\n".encode()
        given = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        phrase = HTTPStatus(refusal.status).phrase.encode()
        head = h11.Response(status_code=refusal.status, headers=given, reason=phrase)
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self._client.put(event)
        await self._client.flush()
        if self._client.http.their_state is not h11.DONE:
            await self._client.linger()

    async def _connected(self, route: Route) -> Channel:
        """A connection to the server; the last one, if it can still be used."""
        server, is_fresh = self._server, time.monotonic() - self._used_at < _REUSE_S
        if server and self._route == route and is_fresh and not server.is_over:
            return server
        self._drop_server()
        about = (self._shared.tls, route.host) if route.is_tls else (None, None)
        try:
            async with asyncio.timeout(_CONNECT_S):
                ends = await asyncio.open_connection(
                    route.host, route.port, ssl=about[0], server_hostname=about[1], limit=BLOCK
                )
        except TimeoutError as error:
            raise ServerGone(HTTPStatus.GATEWAY_TIMEOUT) from error
        except OSError as error:  # ssl.SSLError is one
            raise ServerGone(HTTPStatus.BAD_GATEWAY) from error
        self._server, self._route = Channel(h11.CLIENT, *ends), route
        return self._server

    def _drop_server(self) -> None:
        if self._server:
            self._server.close()
        self._server = None

    def _announce(
        self, target: str, route: Route | None, announced: list[str], named: str, there: str
    ) -> None:
        """Remember where a stream's client sends its messages, if no prefix shows whose it is."""
        name = urljoin(target, named)
        if route and name.startswith("/") and self._shared.routes.find(name) is None:
            self._shared.announced[name] = (route, there)
            announced.append(name)
