"""The ASGI wrapper: records requests that end before any MCP hook could see them."""

from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from shipper.capture.emit import emit
from shipper.capture.exchange import Exchange, exchange_in, with_exchange
from shipper.capture.refusals import event_of, path_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, _Receive, Send], Awaitable[None]]


class AuditASGI:
    """An ASGI app around another: passes everything on untouched, and records refusals.

    Wrapping twice records nothing twice.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: _Receive, send: Send) -> None:
        if scope["type"] != "http" or exchange_in(scope):
            await self._app(scope, receive, send)
            return
        # A copy: the app puts into it what it finds out (`user`), and an outer app keeps its own.
        inner, exchange = with_exchange(scope)
        if path_of(scope) == "/token":
            receive = _reading(receive, exchange)
        try:
            await self._app(inner, receive, _watching(send, exchange))
        finally:
            emit(partial(event_of, inner, exchange))


def _watching(send: Send, exchange: Exchange) -> Send:
    async def watched(message: Message) -> None:
        exchange.saw_answer(message)
        await send(message)

    return watched


def _reading(receive: _Receive, exchange: Exchange) -> _Receive:
    async def read() -> Message:
        message = await receive()
        exchange.saw_form(message)
        return message

    return read
