"""Adapter of the client side: the requests that an agent's host makes, and what servers ask back.

`ClientSession` of mcp 1.x sends typed requests, that of 2.x gives plain ones to a dispatcher, which
also serves a server in the same process. Questions of the server come to the session's callbacks.
"""

import asyncio
import functools
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from shipper.capture.call import (
    CANCELLED,
    TIMED_OUT,
    Answer,
    Call,
    Client,
    Ended,
    Json,
    Unanswered,
    ended_by_response,
)
from shipper.capture.emit import Sink, attempt, open_logger, to_logger
from shipper.capture.failures import failure_of
from shipper.capture.identity import process_owner
from shipper.capture.memory import Memory
from shipper.capture.pending import begin, end
from shipper.capture.values import text

S = TypeVar("S")

_MARK = "_shipper_instrumented"
_SUPPORTED = (
    "a ClientSession of the package mcp (1.20 or later), or a connected client that has one"
)
#: The callback of a session that answers each question of a server.
_QUESTIONS = {
    "_sampling_callback": "sampling/createMessage",
    "_elicitation_callback": "elicitation/create",
    "_list_roots_callback": "roots/list",
}
_TIMEOUT = 408  # the code that the SDK gives to a request that it gave up


def instrument_client(client: S) -> S:
    """Record every request that this client makes and every question of its server.

    Takes a `ClientSession`, before or after it is initialized, or a connected client of the
    packages mcp and fastmcp. Events go to the logger `mcp.audit`, with the name that the server
    gives itself; their user is the owner of this process. Calling it again changes nothing. Raises
    `TypeError` for anything else.
    """
    session: Any = client if hasattr(client, "send_request") else getattr(client, "session", None)
    if not hasattr(session, "send_request"):
        raise TypeError(
            f"instrument_client() takes {_SUPPORTED}; this is a {type(client).__qualname__}"
        )
    if _MARK not in vars(session):
        _attach(session, _Watch(session))
        setattr(session, _MARK, True)
        open_logger()
    return client


def _attach(session: Any, watch: "_Watch") -> None:
    dispatcher = getattr(session, "_dispatcher", None)
    if dispatcher is not None:
        dispatcher.send_raw_request = _raw(watch, dispatcher.send_raw_request)
    else:
        session.send_request = _typed(watch, session.send_request)
    for name, method in _QUESTIONS.items():
        setattr(session, name, _question(watch, method, getattr(session, name)))


class _Watch:
    """One session: who its peers are."""

    def __init__(self, session: Any, sink: Sink = to_logger) -> None:
        self._session = session
        self._sink = sink
        self._memory = Memory()
        self._server_name: str | None = None
        self._version: str | None = None

    async def over(
        self, method: str, params: Json | None, ask: Callable[[], Any], *, from_server: bool = False
    ) -> Any:
        """Await the answer, and record how it ended."""
        call = partial(self._call, method, params, from_server=from_server)
        pending = begin(call, self._sink)
        ended: Ended = Unanswered()
        try:
            found = await ask()
        except BaseException as error:
            ended = _raised(error)
            raise
        else:
            ended = attempt(self._answered, found) or ended
            return found
        finally:
            if pending:
                end(pending, lambda: ended, self._sink)

    def _call(self, method: str, params: Json | None, *, from_server: bool) -> Call:
        info = getattr(self._session, "_client_info", None)
        return Call(
            method=method,
            params=params,
            protocol_version=self._version,
            server_name=self._server_name,
            identity=process_owner(),
            client=Client(text(getattr(info, "name", None)), text(getattr(info, "version", None))),
            from_server=from_server,
            memory=self._memory,
        )

    def _answered(self, found: Any) -> Ended:
        result = plain(found)
        if result is None:
            return Unanswered()
        if "code" in result and "message" in result:  # a callback's error, which is no result
            return ended_by_response({"error": result})
        if isinstance(info := result.get("serverInfo"), dict):
            self._server_name = text(info.get("name"))
            self._version = text(result.get("protocolVersion"))
        return Answer(result)


def plain(value: Any) -> Json | None:
    """The value of the SDK as JSON; None if it is none."""
    dump = getattr(value, "model_dump", None)
    found = dump(by_alias=True, mode="json", exclude_none=True) if dump else value
    return found if isinstance(found, dict) else None


def _raw(watch: _Watch, send: Any) -> Any:
    @functools.wraps(send)
    async def watched(method: str, params: Any, *args: Any, **kwargs: Any) -> Any:
        given = dict(params) if params else None
        return await watch.over(method, given, lambda: send(method, params, *args, **kwargs))

    return watched


def _typed(watch: _Watch, send: Any) -> Any:
    @functools.wraps(send)
    async def watched(request: Any, *args: Any, **kwargs: Any) -> Any:
        message = attempt(plain, request) or {}
        method, params = str(message.get("method")), message.get("params")
        given = params if isinstance(params, dict) else None
        return await watch.over(method, given, lambda: send(request, *args, **kwargs))

    return watched


def _question(watch: _Watch, method: str, answer: Any) -> Any:
    @functools.wraps(answer)
    async def watched(context: Any, *params: Any) -> Any:
        given = attempt(plain, params[0]) if params else None
        ask = partial(answer, context, *params)
        return await watch.over(method, given, ask, from_server=True)

    return watched


def _raised(error: BaseException) -> Ended:
    """How a request ended by what it raised: the server's error, a time-out, or a cancellation."""
    if isinstance(error, asyncio.CancelledError):
        return CANCELLED
    detail = attempt(plain, getattr(error, "error", None))
    if detail and detail.get("code") == _TIMEOUT:
        return TIMED_OUT
    if detail:
        return ended_by_response({"error": detail})
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return failure_of(error)
