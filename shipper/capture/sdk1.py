"""Adapter of mcp 1.x, which has no middleware: the messages that `Server.run` reads and writes.

Every transport gives the two ends of a connection to `run`. All messages of the peers pass there,
also methods that the SDK does not know and parameters that it refuses. The handler of a request
runs between the two ends, and shows which exception was raised.
"""

import dataclasses
import functools
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shipper.capture.call import (
    CANCELLED,
    CLIENT_GONE,
    SERVER_ENDED,
    Answer,
    Call,
    Client,
    Ended,
    Failure,
    Http,
    Identity,
    ended_by_response,
)
from shipper.capture.causes import Seen, Watching, current
from shipper.capture.emit import Sink, attempt, to_logger
from shipper.capture.exchange import exchange_in
from shipper.capture.facts import headers_of, http_of, peer_of
from shipper.capture.failures import ended_by_error, failure_of
from shipper.capture.identity import process_owner, token_holder
from shipper.capture.memory import Memory
from shipper.capture.nested import follow_nested, name_nested
from shipper.capture.pending import Pending, begin, end, refusal
from shipper.capture.sdk import name_of, with_scopes
from shipper.capture.values import text
from shipper.errors import NotRecorded

_INVALID_PARAMS = -32602


class _Open:
    """A request in flight; `reached` once a handler has it, `cancelled` once its client gave up."""

    __slots__ = ("cancelled", "pending", "reached", "scope")

    def __init__(self, pending: Pending, scope: Mapping[str, Any] | None) -> None:
        self.pending = pending
        self.scope = scope
        self.reached = False
        self.cancelled = False


class Connection:
    """One run of a server: a pipe, a session, or a single request without one."""

    def __init__(
        self, server_name: str | None, sink: Sink = to_logger, memory: Memory | None = None
    ) -> None:
        self._server_name = server_name
        self._sink = sink
        self._memory = memory or Memory()
        self._open: dict[object, deque[_Open]] = {}
        self._client = Client()
        self._version: str | None = None
        #: Its client sends no more.
        self.has_left = False

    def came(self, message: Any) -> None:
        """Take up a request, or a client's word that it does not wait for one any longer."""
        root: Any = getattr(getattr(message, "message", None), "root", None)
        method = getattr(root, "method", None)
        if method is None:
            return
        asked_for = getattr(root, "id", None)
        if asked_for is None:
            self._notified(method, root.params)
            return
        request = getattr(message.metadata, "request_context", None)
        scope = getattr(request, "scope", None)
        if pending := begin(partial(self._call, root, scope), self._sink):
            self._open.setdefault(asked_for, deque()).append(_Open(pending, scope))
        if exchange := exchange_in(scope):
            exchange.dispatched = True

    def reached(self, asked_for: object, method: object) -> _Open | None:
        """The request that a handler now has; None if it leaves no event, as a ping."""
        for one in self._open.get(asked_for, ()):
            if not one.reached and one.pending.call.method == method:
                one.reached = True
                return one
        return None

    def answers(self, message: Any) -> NotRecorded | None:
        """Pass on the event of the request that this message answers, if it is an answer.

        Returns why the answer must be withheld, if it must.
        """
        root = getattr(getattr(message, "message", None), "root", None)
        if hasattr(root, "method"):
            return None
        handling, asked_for = _handling.get(), getattr(root, "id", None)
        if handling is None or handling.connection is not self:
            one, seen = self._first(asked_for), None
        else:  # another request with this id may be in flight
            one, seen = handling.one, handling.seen
        if one is None or not self._take(asked_for, one):
            return None
        if seen:
            name_nested(one.pending, seen)
        return end(one.pending, partial(self._answer, root, one, seen), self._sink)

    def raised(self, asked_for: object, one: _Open, error: BaseException, seen: Seen) -> None:
        """Pass on the event of a request whose handler ended without an answer."""
        if self._take(asked_for, one):
            name_nested(one.pending, seen)
            end(one.pending, partial(self._raised, error, one, seen), self._sink)

    def _raised(self, error: BaseException, one: _Open, seen: Seen) -> Ended:
        ended = ended_by_error(error, seen)
        return self._gave_up(one) if ended is CANCELLED else ended

    def _gave_up(self, one: _Open) -> Ended:
        """Who ended a request: its client, by word or by going away, or the server."""
        if not one.cancelled:
            return CLIENT_GONE if self.has_left else SERVER_ENDED
        return CANCELLED

    def closed(self) -> None:
        """End what is still in flight: its client is gone, or the server stops."""
        for waiting in self._open.values():
            for one in waiting:
                end(one.pending, partial(self._gave_up, one), self._sink)
        self._open.clear()

    def _first(self, asked_for: object) -> _Open | None:
        """The first request in flight with this id; a client may give one id to several."""
        waiting = self._open.get(asked_for)
        return waiting[0] if waiting else None

    def _take(self, asked_for: object, one: _Open) -> bool:
        """Whether this request was still in flight; from now on it is not."""
        waiting = self._open.get(asked_for)
        if not waiting or one not in waiting:
            return False
        waiting.remove(one)
        if not waiting:
            del self._open[asked_for]
        return True

    def _notified(self, method: str, params: object) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            for one in self._open.get(params.get("requestId"), ()):
                one.cancelled = True

    def _call(self, root: Any, scope: Mapping[str, Any] | None) -> Call:
        identity, http, version = _origin(scope)
        params = root.params
        if root.method == "initialize" and isinstance(params, dict):
            self._client = peer_of(params.get("clientInfo"))
        return Call(
            method=root.method,
            params=params,
            id=root.id,
            protocol_version=version or self._version,
            server_name=self._server_name,
            identity=identity,
            client=self._client,
            http=http,
            memory=self._memory,
        )

    def _answer(self, root: Any, one: _Open, seen: Seen | None) -> Ended:
        result = getattr(root, "result", None)
        if result is None:
            return _error(root.error.model_dump(), one, seen)
        if one.pending.call.method == "initialize":
            self._version = text(result.get("protocolVersion"))
        cause = (seen.error or seen.below) if seen else None
        if seen is None or cause is None:
            return Answer(result)
        return Answer(result, with_scopes(failure_of(cause, seen.denial), one.scope))


class _Handling(Struct, frozen=True):
    """A request in its handler; `one` is None if it leaves no event."""

    connection: Connection
    one: _Open | None
    seen: Seen


#: What runs in this context, or in the one that started it: a tool may be a client in turn.
_handling: ContextVar[_Handling | None] = ContextVar("shipper_handling", default=None)
#: The connection whose handlers run in this context.
_connection: ContextVar[Connection | None] = ContextVar("shipper_connection", default=None)


def is_audited(server: Any) -> bool:
    """Whether this low-level server has the hooks."""
    return isinstance(server.request_handlers, _Handlers)


def attach(server: Any) -> None:
    """Hook into a low-level server, before it runs."""
    server.request_handlers = _Handlers(server.request_handlers)
    server.run = _watched_run(server, server.run)
    server._handle_message = _watched_message(server._handle_message)  # noqa: SLF001 - no other place
    server._make_error_result = _watched_error(server._make_error_result)  # noqa: SLF001 - as above


class _Handlers(dict[Any, Any]):
    """The server's handlers; those that dispatch takes out note what they raise.

    Dispatch asks with `get`; where the SDK calls its own handlers it asks otherwise.
    """

    def get(self, kind: Any, default: Any = None) -> Any:
        handler = super().get(kind, default)
        return handler if handler is None else _noting(handler)


def _noting(handler: Any) -> Any:
    @functools.wraps(handler)
    async def handle(*args: Any, **kwargs: Any) -> Any:
        try:
            _require_record()
            return await handler(*args, **kwargs)
        except BaseException as error:
            if (seen := current()) is not None:
                seen.error = error
            raise

    return handle


def _require_record() -> None:
    """Raise `NotRecorded` if the request in this context must not be served."""
    handling = _handling.get()
    if handling and handling.one and (refused := refusal(handling.one.pending)):
        raise refused


def _watched_run(server: Any, run: Any) -> Any:
    memory = Memory()

    @functools.wraps(run)
    async def watched(
        read_stream: Any, write_stream: Any, initialization_options: Any, *args: Any, **kwargs: Any
    ) -> Any:
        connection = Connection(name_of(server, initialization_options), memory=memory)
        token = _connection.set(connection)
        try:
            inward = _Incoming(read_stream, connection)
            outward = _Outgoing(write_stream, connection)
            return await run(inward, outward, initialization_options, *args, **kwargs)
        finally:
            _connection.reset(token)
            connection.closed()

    return watched


def _watched_message(handle: Any) -> Any:
    @functools.wraps(handle)
    async def watched(message: Any, *args: Any, **kwargs: Any) -> Any:
        connection, asked_for = _connection.get(), getattr(message, "request_id", None)
        if connection is None or asked_for is None:
            return await handle(message, *args, **kwargs)
        one = connection.reached(asked_for, _method(message))
        with Watching() as seen:
            if one:
                follow_nested(seen, one.pending)
            token = _handling.set(_Handling(connection, one, seen))
            try:
                return await handle(message, *args, **kwargs)
            except BaseException as error:
                if one:
                    connection.raised(asked_for, one, error, seen)
                raise
            finally:
                _handling.reset(token)

    return watched


def _method(responder: Any) -> object:
    return getattr(getattr(getattr(responder, "request", None), "root", None), "method", None)


def _watched_error(make: Any) -> Any:
    """The SDK's maker of failed results, called while it handles what the tool raised."""

    @functools.wraps(make)
    def watched(*args: Any, **kwargs: Any) -> Any:
        seen, error = current(), sys.exc_info()[1]
        if seen is not None and error is not None:
            seen.error = error
        return make(*args, **kwargs)

    return watched


class _End:
    """One end of a connection, passed on untouched."""

    def __init__(self, stream: Any, connection: Connection) -> None:
        self._stream = stream
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> Any:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *how: object) -> Any:
        return await self._stream.__aexit__(*how)


class _Incoming(_End):
    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        with self._ending():
            return self._noted(await self._stream.__anext__())

    async def receive(self) -> Any:
        with self._ending():
            return self._noted(await self._stream.receive())

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Note that nothing more comes: a stream has several exceptions for it."""
        try:
            yield
        except Exception:
            self._connection.has_left = True
            raise

    def _noted(self, message: Any) -> Any:
        attempt(self._connection.came, message)
        return message


class _Outgoing(_End):
    async def send(self, message: Any) -> None:
        if failed := attempt(self._connection.answers, message):
            message = _withheld(message, failed)
        await self._stream.send(message)


def _withheld(message: Any, failed: NotRecorded) -> Any:
    """An error in place of the answer."""
    from mcp import types

    error = types.ErrorData(code=types.INTERNAL_ERROR, message=str(failed))
    answered = message.message.root.id
    made = types.JSONRPCError(jsonrpc="2.0", id=answered, error=error)
    message_of: Any = types.JSONRPCMessage  # in 2.x it is a union
    return dataclasses.replace(message, message=message_of(made))


def _origin(scope: Mapping[str, Any] | None) -> tuple[Identity, Http | None, str | None]:
    """Whose request this is, by its own scope: the session keeps the token that opened it."""
    if scope is None:
        return process_owner(), None, None
    headers = headers_of(scope)
    return token_holder(scope), http_of(scope, headers), headers.get("mcp-protocol-version")


def _error(error: dict[str, Any], one: _Open, seen: Seen | None) -> Ended:
    ended = ended_by_response({"error": error})
    if not isinstance(ended, Failure):
        return ended
    if one.cancelled:
        return CANCELLED
    if seen is not None and seen.error is not None:
        found = ended_by_error(seen.error, seen)
        return _with_code(found, ended, one.scope) if isinstance(found, Failure) else found
    # The SDK refuses what it has no type for as parameters that do not fit.
    is_unserved = not one.reached and ended.code == _INVALID_PARAMS
    return replace(ended, is_unserved=is_unserved)


def _with_code(found: Failure, sent: Failure, scope: Mapping[str, Any] | None) -> Failure:
    """What was raised, with the code that the client got; 0 is the SDK's for having none."""
    return with_scopes(replace(found, code=sent.code or None), scope)
