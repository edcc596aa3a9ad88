"""Adapter of mcp 2.x: its middleware, which sees each request that reaches dispatch."""

import functools
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, Protocol

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
)
from shipper.capture.causes import Seen, Watching
from shipper.capture.emit import Sink, to_logger
from shipper.capture.exchange import exchange_in
from shipper.capture.facts import headers_of, http_of
from shipper.capture.failures import ended_by_error, failure_of
from shipper.capture.identity import process_owner, token_holder
from shipper.capture.memory import Memory
from shipper.capture.nested import follow_nested, name_nested
from shipper.capture.pending import begin, end, refusal
from shipper.capture.sdk import name_of, with_scopes
from shipper.capture.values import text
from shipper.errors import NotRecorded

_INTERNAL_ERROR = -32603


class Request(Protocol):
    """The part of the SDK's `ServerRequestContext` that capture relies on."""

    method: str
    params: dict[str, Any] | None
    request_id: str | int | None
    protocol_version: str
    request: Any
    session: Any


class Wire:
    """Records every request a low-level server dispatches; goes first in `Server.middleware`.

    It awaits nothing but the rest of the chain (while `initialize` is served no other message is
    read) and raises what that raised.
    """

    def __init__(self, server: Any, modern: Collection[str], sink: Sink = to_logger) -> None:
        self._server = server
        #: The initialization options of its run, if it is run with them.
        self.options: object = None
        self._modern = modern
        self._sink = sink
        self._memory = Memory()

    async def __call__(self, ctx: Request, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        is_asked = ctx.request_id is not None and not self._is_internal(ctx)
        pending = begin(partial(self._call, ctx), self._sink) if is_asked else None
        if pending is None:
            return await call_next(ctx)
        if exchange := exchange_in(_scope(ctx)):
            exchange.dispatched = True
        with Watching() as seen:
            follow_nested(seen, pending)
            try:
                _check(refusal(pending, self._sink))
                result = await call_next(ctx)
            except BaseException as error:
                name_nested(pending, seen)
                end(pending, partial(_raised, error, seen, ctx), self._sink)
                raise
            name_nested(pending, seen)
            _check(end(pending, partial(_answer, result, seen, ctx), self._sink))
            return result

    def _call(self, ctx: Request) -> Call:
        identity, http = _origin(ctx)
        return Call(
            method=ctx.method,
            params=ctx.params,
            id=ctx.request_id,
            protocol_version=text(ctx.protocol_version),
            server_name=name_of(self._server, self.options),
            identity=identity,
            client=_client(ctx),
            http=http,
            memory=self._memory,
        )

    def _is_internal(self, ctx: Request) -> bool:
        """Whether the SDK asks itself for the tools, to check a call's headers by their schema.

        It does so with the call's own HTTP request. A listing that a client asks for cannot look
        like this: since 2026-07-28 the header must name the method, or the request is refused.
        """
        return (
            ctx.method == "tools/list"
            and ctx.request is not None
            and ctx.protocol_version in self._modern
            and ctx.request.headers.get("mcp-method") == "tools/call"
        )


def _check(refused: NotRecorded | None) -> None:
    """Answer with an error, if there is one."""
    if refused:
        from mcp import MCPError

        raise MCPError(code=_INTERNAL_ERROR, message=str(refused))


def is_audited(server: Any) -> bool:
    """Whether this low-level server has the hook."""
    return any(isinstance(layer, Wire) for layer in server.middleware)


def attach(server: Any) -> None:
    """Hook into a low-level server, before it runs."""
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    wire = Wire(server, frozenset(MODERN_PROTOCOL_VERSIONS))
    _keep_first(server, wire)
    server.run = _named_run(server, wire)


def _named_run(server: Any, wire: Wire) -> Any:
    """The server's `run`, which notes the name in the options that only a run is given."""
    run = server.run

    @functools.wraps(run)
    async def named(
        read_stream: Any, write_stream: Any, initialization_options: Any, *args: Any, **kwargs: Any
    ) -> Any:
        wire.options = initialization_options
        return await run(read_stream, write_stream, initialization_options, *args, **kwargs)

    return named


def _keep_first(server: Any, wire: Wire) -> None:
    """Have this server dispatch through `wire` first, whatever others do to its `middleware`.

    The SDK reads that list for each message; others insert before, clear or replace it.
    """
    layers: list[Any] = server.middleware

    def read(_server: object) -> list[Any]:
        if not layers or layers[0] is not wire:
            layers[:] = [wire, *(layer for layer in layers if layer is not wire)]
        return layers

    def write(_server: object, given: list[Any]) -> None:
        nonlocal layers
        layers = given

    kind = type(server)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    server.__class__ = type(kind.__name__, (kind,), {**names, "middleware": property(read, write)})


def _origin(ctx: Request) -> tuple[Identity, Http | None]:
    scope = _scope(ctx)
    if scope is None:
        return process_owner(), None
    headers = headers_of(scope)
    opened = None if "mcp-session-id" in headers else _opened_session(ctx)
    return token_holder(scope), http_of(scope, headers, opened)


def _opened_session(ctx: Request) -> str | None:
    """The session that an `initialize` opens: only its answer will carry the header."""
    connection = getattr(ctx.session, "_connection", None)
    return text(getattr(connection, "session_id", None))


def _client(ctx: Request) -> Client:
    """The client of the session, as it introduced itself before 2026-07-28."""
    info = getattr(getattr(ctx.session, "client_params", None), "client_info", None)
    return Client(text(getattr(info, "name", None)), text(getattr(info, "version", None)))


def _answer(result: object, seen: Seen, ctx: Request) -> Ended:
    """The result as it goes out; another middleware may have answered with a model."""
    dump = getattr(result, "model_dump", None)
    if dump is not None:
        result = dump(by_alias=True, mode="json", exclude_none=True)
    answer = result if isinstance(result, dict) else {}
    if (error := seen.error or seen.below) is None:
        return Answer(answer)
    return Answer(answer, with_scopes(failure_of(error, seen.denial), _scope(ctx)))


def _raised(error: BaseException, seen: Seen, ctx: Request) -> Ended:
    ended = ended_by_error(error, seen)
    if ended is CANCELLED:
        return _gave_up(ctx)
    return with_scopes(ended, _scope(ctx)) if isinstance(ended, Failure) else ended


def _gave_up(ctx: Request) -> Ended:
    """Who ended a request before its time: its client, by word or by going away, or the server."""
    channel = getattr(ctx.session, "_request_outbound", None)
    channel = getattr(channel, "_inner", channel)  # what denies requests to the client
    if (asked := getattr(channel, "cancel_requested", None)) is not None and asked.is_set():
        return CANCELLED
    if (dispatcher := getattr(channel, "_dispatcher", None)) is not None:
        return CLIENT_GONE if dispatcher._closed else SERVER_ENDED  # noqa: SLF001 - no other place
    scope = _scope(ctx)
    if scope is None:  # client and server in one task
        return CANCELLED
    exchange = exchange_in(scope)
    return SERVER_ENDED if exchange and not exchange.has_left else CLIENT_GONE


def _scope(ctx: Request) -> Any:
    return getattr(ctx.request, "scope", None)
