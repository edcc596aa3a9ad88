"""The application: a request is counted, its token is checked, and then it is carried out."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from shipper.api.http.access import Caller, Forbidden, Rates, Tokens
from shipper.api.http.schema import openapi
from shipper.api.operations import OPERATIONS, process
from shipper.api.record import record_operation
from shipper.api.requests import check
from shipper.api.tail import BadCursor
from shipper.config import Config
from shipper.errors import ShipperError

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
        self._streams = 0

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/openapi.json", self._schema),
                Route("/v1/events", self._events),
                Route("/v1/{operation}", self._operation, methods=["POST"]),
            ],
            exception_handlers={
                Refusal: _refused,
                404: _not_found,
                405: _not_allowed,
                500: _failed,
            },
        )

    async def _schema(self, _request: Request) -> Response:
        return _json(200, openapi())

    async def _operation(self, request: Request) -> Response:
        operation = request.path_params["operation"]
        caller = await self._caller(request, operation)
        if operation not in OPERATIONS:
            raise Refusal(404, f"unknown operation; known: {', '.join(OPERATIONS)}")
        context = await self._body(request)
        answer = await run_in_threadpool(self._carry_out, caller, operation, context)
        status = 200 if answer["success"] else 400
        return _json(status, answer)

    def _carry_out(self, caller: Caller, operation: str, context: Any) -> dict[str, Any]:
        narrowed = self._narrowed(caller, {**context, "operation": operation})
        answer = process({**narrowed, "operation": operation}, self._config)
        return caller.shown(answer, self._config.catalog)

    def _narrowed(self, caller: Caller, context: dict[str, Any]) -> dict[str, Any]:
        """The request within what the client may read; problems of its members come later."""
        try:
            check(context["operation"], context, self._config.catalog)
            return {**context, **caller.narrowed(context, self._config.catalog)}
        except Forbidden as error:
            self._record_refusal(caller.name, context["operation"], str(error))
            raise Refusal(403, str(error)) from error
        except ShipperError as error:
            raise Refusal(400, str(error)) from error

    async def _events(self, request: Request) -> Response:
        caller = await self._caller(request, "stream_events")
        after = request.headers.get("last-event-id") or request.query_params.get("after")
        context = {"query": request.query_params.get("query"), "limit": _AT_ONCE}
        if unknown := request.query_params.keys() - {"query", "after"}:
            raise Refusal(400, f"unknown parameter {min(unknown)!r}; known: after, query")
        first = await run_in_threadpool(self._next, caller, context, after)
        await run_in_threadpool(
            record_operation, self._config, "stream", 0, user=caller.name, query=context["query"]
        )
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
        asked = self._narrowed(caller, {**context, "after": after, "operation": "stream_events"})
        try:
            found = OPERATIONS["stream_events"](asked, self._config)
        except (BadCursor, ShipperError) as error:
            raise Refusal(400, str(error)) from error
        return caller.shown(found, self._config.catalog)

    async def _caller(self, request: Request, operation: str) -> Caller:
        """The client, if it may do this now."""
        caller = self._tokens.caller(request.headers.get("authorization", ""))
        address = request.client.host if request.client else "local"
        wait_s = self._rates.wait_s(f"client {caller.name}" if caller else f"address {address}")
        if wait_s:
            after = str(math.ceil(wait_s))
            raise Refusal(429, f"too many requests; wait {after} s", {"Retry-After": after})
        if caller is None:
            await run_in_threadpool(self._record_refusal, address, operation, "unknown token")
            raise Refusal(401, "the token is missing or unknown", {"WWW-Authenticate": "Bearer"})
        if operation in OPERATIONS and not caller.may(operation):
            what = f"the role {caller.client.role} does not allow {operation}"
            await run_in_threadpool(self._record_refusal, caller.name, operation, what)
            raise Refusal(403, what)
        return caller

    def _record_refusal(self, who: str, operation: str, reason: str) -> None:
        name = operation if operation in OPERATIONS else "unknown"
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
        if "operation" in found:
            raise Refusal(400, "operation: leave it out, because the path names it")
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


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response


async def _not_found(_request: Request, _error: Exception) -> Response:
    return Refusal(404, "no such path; see /openapi.json").response


async def _failed(_request: Request, _error: Exception) -> Response:
    return Refusal(500, "internal error; see the log of mcp-shipper").response


async def _not_allowed(_request: Request, error: Exception) -> Response:
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    return Refusal(405, "this method is not allowed; see /openapi.json", headers).response
