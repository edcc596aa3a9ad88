"""The ASGI wrapper: records requests that end before any MCP hook could see them."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from shipper.capture.emit import attempt, emit, finish
from shipper.capture.exchange import Exchange, during, exchange_in, with_exchange
from shipper.capture.metadata import Metadata
from shipper.capture.refusals import event_of, may_have_form
from shipper.capture.routes import Place, place_in, watched_routes
from shipper.record.event import Event

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class AuditASGI:
    """An ASGI app around another: passes everything on untouched, and records refusals.

    There may be several around each other, at the edge of an app and at its endpoints. Each adds
    what it sees; the outermost records it, once. `place` is what an endpoint serves.
    """

    def __init__(self, app: App, place: Place | None = None) -> None:
        self.app = app
        self.place = place
        self._metadata = Metadata()

    def __getattr__(self, name: str) -> Any:
        """Whatever else callers want of the app: its state, its routes."""
        if name == "app":  # of a copy that has nothing yet
            raise AttributeError(name)
        return getattr(self.app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, _finishing(send))
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif (exchange := exchange_in(scope)) is not None:
            await self._pass(exchange, scope, receive, send)
        else:
            # A copy: the app puts into it what it finds out (`user`), an outer app keeps its own.
            inner, exchange = with_exchange(scope)
            exchange.keeps_body = self._metadata.is_asked_for(scope)
            exchange.place = self._metadata.place_of(scope)
            try:
                leaving = _leaving(receive, exchange)
                with during(exchange):
                    await self._pass(exchange, inner, leaving, _watching(send, exchange))
            finally:
                emit(partial(self._event, scope, inner, exchange))
                exchange.error = None  # its traceback holds this frame

    async def _pass(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        exchange.scope = scope
        exchange.place = exchange.place or self.place
        if not exchange.reads_form and may_have_form(scope, exchange.place):
            exchange.reads_form = True
            receive = _reading(receive, exchange)
        try:
            await self.app(scope, receive, send)
        except BaseException as error:
            exchange.saw_error(error)
            raise

    def _event(self, came: Scope, scope: Scope, exchange: Exchange) -> Event | None:
        """The event of an exchange; `came` is its scope as no router has changed it."""
        if exchange.keeps_body:
            self._metadata.learn(exchange)
        if exchange.place is None and not exchange.dispatched:
            exchange.place = place_in(self.app, came)
        return event_of(scope, exchange)


def watch_endpoints(app: Any) -> None:
    """Put a wrapper around each endpoint of MCP and OAuth, so that copies of the routes have it.

    A route refuses methods itself, before its endpoint is asked.
    """
    for route, place in watched_routes(app):
        attempt(_watch, route, place)


def _watch(route: Any, place: Place) -> None:
    if getattr(route.app, "place", None) is place:
        return
    route.app = AuditASGI(route.app, place)
    route.handle = AuditASGI(route.handle, place)
    if hasattr(route, "endpoint"):
        route.endpoint = route.app


def _finishing(send: Send) -> Send:
    async def finishing(message: Message) -> None:
        if message["type"].startswith("lifespan.shutdown."):
            finish()  # before the server learns that it may end the process
        await send(message)

    return finishing


def _watching(send: Send, exchange: Exchange) -> Send:
    async def watched(message: Message) -> None:
        exchange.saw_answer(message)
        await send(message)

    return watched


def _leaving(receive: Receive, exchange: Exchange) -> Receive:
    async def read() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.has_left = True
        return message

    return read


def _reading(receive: Receive, exchange: Exchange) -> Receive:
    async def read() -> Message:
        message = await receive()
        exchange.saw_form(message)
        return message

    return read
