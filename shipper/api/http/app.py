"""The application: a request is counted, its token is checked, and then it is carried out."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from shipper.api.http.access import Caller, Forbidden, Rates, Tokens
from shipper.api.http.graphql import Failed, GraphQL, Invalid
from shipper.api.http.page import page_routes
from shipper.api.http.schema import openapi
from shipper.api.operations import OPERATIONS, carry_out
from shipper.api.record import record_operation
from shipper.api.requests import check
from shipper.config import Config
from shipper.errors import ConfigError, ShipperError, Unavailable

GRAPHQL = "graphql"
_READ_BY_GET = {"client", "events"}
#: How often a stream looks for new events, and the most that it sends at once.
_POLL_S = 0.25
_AT_ONCE = 100
#: Streams at the same time; each holds a connection.
_MAX_STREAMS = 100


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.headers = status, error, dict(headers or {})

    @property
    def response(self) -> Response:
        """The refusal as an answer."""
        return _json(self.status, {"success": False, "error": self.error}, self.headers)


class Api:
    """The interface of one configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._tokens = Tokens(config.api.clients)
        self._rates = Rates(config.api.requests_per_minute)
        self._queries = GraphQL(config.catalog)
        self._streams = 0

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/openapi.json", self._schema),
                *page_routes(),
                Route(f"/{GRAPHQL}", self._graphql, methods=["POST"]),
                Route("/v1/client", self._client),
                Route("/v1/events", self._events),
                Route("/v1/{operation}", self._operation, methods=["POST"]),
            ],
            exception_handlers={
                Refusal: _refused,
                Invalid: _invalid,
                404: _not_found,
                405: _not_allowed,
                500: _failed,
            },
        )

    async def _schema(self, _request: Request) -> Response:
        return _json(200, openapi(self._config.catalog))

    async def _client(self, request: Request) -> Response:
        """Who asks, and what it may do."""
        caller = await self._caller(request, "client")
        known = {"name": caller.name, "role": caller.client.role}
        return _json(200, {**known, "operations": [*filter(caller.may, OPERATIONS)]})

    async def _operation(self, request: Request) -> Response:
        operation = request.path_params["operation"]
        if operation in _READ_BY_GET:
            raise Refusal(405, "this method is not allowed; see /openapi.json", {"Allow": "GET"})
        caller = await self._caller(request, operation)
        if operation not in OPERATIONS:
            raise Refusal(404, f"unknown operation; known: {', '.join(OPERATIONS)}")
        await run_in_threadpool(self._require, caller, operation)
        context = await self._body(request)
        if "operation" in context:
            raise Refusal(400, "operation: leave it out, because the path names it")
        return _json(200, await run_in_threadpool(self._carry_out, caller, operation, context))

    async def _graphql(self, request: Request) -> Response:
        caller = await self._caller(request, GRAPHQL)
        body = await self._body(request)
        return _json(200, await run_in_threadpool(self._query, caller, body))

    def _query(self, caller: Caller, body: dict[str, Any]) -> Mapping[str, Any]:
        """The answer to a GraphQL request, of which every operation must be allowed."""
        asked = self._queries.asked(body)
        if asked.is_introspection and not caller.reads:
            self._refuse(caller, GRAPHQL, f"the role {caller.client.role} does not see the schema")
        operations = [name for name in asked.names if name in OPERATIONS]
        for name in operations:
            self._require(caller, name)
        for _ in operations[1:]:  # the first one was counted as the request
            self._count(f"client {caller.name}")
        return self._queries.answer(asked, partial(self._resolve, caller))

    def _resolve(
        self, caller: Caller, operation: str, context: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        try:
            return self._carry_out(caller, operation, context)
        except Refusal as refusal:
            raise Failed(refusal.error, refusal.status) from refusal

    def _carry_out(
        self, caller: Caller, operation: str, context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The answer as far as the client may see it."""
        try:
            check(operation, context, self._config.catalog)
            asked = caller.narrowed(operation, context, self._config.catalog)
            answer = carry_out(operation, asked, self._config)
        except Forbidden as error:
            self._refuse(caller, operation, str(error))
        except (Unavailable, OSError) as error:
            raise Refusal(503, str(error)) from error
        except ConfigError as error:
            raise Refusal(409, str(error)) from error
        except ShipperError as error:
            raise Refusal(400, str(error)) from error
        return caller.shown(answer, self._config.catalog)

    async def _events(self, request: Request) -> Response:
        caller = await self._caller(request, "stream_events")
        await run_in_threadpool(self._require, caller, "stream_events")
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        context = {"query": request.query_params.get("query"), "limit": _AT_ONCE}
        if unknown := request.query_params.keys() - {"query", "after"}:
            raise Refusal(400, f"unknown parameter {min(unknown)!r}; known: after, query")
        first = await run_in_threadpool(self._next, caller, context, after)
        if after:  # the operation records a beginning, and no later call
            record = partial(record_operation, user=caller.name, query=context["query"])
            await run_in_threadpool(record, self._config, "stream", 0)
        if self._streams >= _MAX_STREAMS:
            raise Refusal(503, "too many streams", {"Retry-After": "10"})
        return EventSourceResponse(self._stream(caller, context, first), ping=15)

    async def _stream(
        self, caller: Caller, context: dict[str, Any], answer: dict[str, Any]
    ) -> AsyncIterator[ServerSentEvent]:
        """Events, each batch with the place after it; it reads no faster than the client does."""
        self._streams += 1
        try:
            yield ServerSentEvent(event="begin", id=answer["after"], data="{}")
            while True:
                for sent in _sent(answer):
                    yield sent
                if not answer["events"]:
                    await asyncio.sleep(_POLL_S)
                after = answer["after"]
                answer = await run_in_threadpool(self._next, caller, context, after)
        finally:
            self._streams -= 1

    def _next(self, caller: Caller, context: dict[str, Any], after: str | None) -> dict[str, Any]:
        return self._carry_out(caller, "stream_events", {**context, "after": after})

    async def _caller(self, request: Request, operation: str) -> Caller:
        """The client, whose request is counted."""
        caller = self._tokens.caller(request.headers.get("authorization", ""))
        address = request.client.host if request.client else "local"
        self._count(f"client {caller.name}" if caller else f"address {address}")
        if caller is None:
            await run_in_threadpool(self._record_refusal, address, operation, "unknown token")
            raise Refusal(401, "the token is missing or unknown", {"WWW-Authenticate": "Bearer"})
        return caller

    def _count(self, who: str) -> None:
        if wait_s := self._rates.wait_s(who):
            after = str(math.ceil(wait_s))
            raise Refusal(429, f"too many requests; wait {after} s", {"Retry-After": after})

    def _require(self, caller: Caller, operation: str) -> None:
        if not caller.may(operation):
            what = f"the role {caller.client.role} does not allow {operation}"
            self._refuse(caller, operation, what)

    def _refuse(self, caller: Caller, operation: str, reason: str) -> NoReturn:
        self._record_refusal(caller.name, operation, reason)
        raise Refusal(403, reason)

    def _record_refusal(self, who: str, operation: str, reason: str) -> None:
        name = operation if operation in {*OPERATIONS, GRAPHQL} else "unknown"
        record_operation(self._config, "api-refused", 0, user=who, asked=name, reason=reason)

    async def _body(self, request: Request) -> dict[str, Any]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refusal(415, "expected Content-Type: application/json")
        data = bytearray()
        with suppress(ClientDisconnect):
            async for chunk in request.stream():
                data += chunk
                if len(data) > self._config.api.max_body_bytes:
                    raise Refusal(413, f"over {self._config.api.max_body_bytes} bytes")
        try:
            found: dict[str, Any] = msgspec.json.decode(bytes(data), type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(400, f"the body is not a JSON object: {error}") from error
        return found


def _sent(answer: dict[str, Any]) -> list[ServerSentEvent]:
    found = [
        ServerSentEvent(event="missed", data=msgspec.json.encode(stream).decode())
        for stream in answer["missed"]
    ]
    events = [msgspec.json.encode(event).decode() for event in answer["events"]]
    last = len(events) - 1
    after = answer["after"]
    found += [
        ServerSentEvent(event="event", data=text, id=after if at == last else None)
        for at, text in enumerate(events)
    ]
    return found


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        "application/json",
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    if request.url.path == f"/{GRAPHQL}":
        errors = {"errors": [{"message": error.error}]}
        return _json(error.status, errors, error.headers)
    return error.response


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Invalid)
    return _json(400, {"errors": error.errors})


async def _not_found(_request: Request, _error: Exception) -> Response:
    return Refusal(404, "no such path; see /openapi.json").response


async def _failed(_request: Request, _error: Exception) -> Response:
    return Refusal(500, "internal error; see the log of mcp-shipper").response


async def _not_allowed(_request: Request, error: Exception) -> Response:
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    return Refusal(405, "this method is not allowed; see /openapi.json", headers).response
