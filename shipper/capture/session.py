"""The requests of one MCP session, followed by its messages as they pass in both directions.

Pipes and proxies see messages only: which answer belongs to which request, and who the peers are,
follows from these.
"""

import time
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from shipper.capture.call import (
    CANCELLED,
    Call,
    Client,
    Ended,
    Failure,
    Http,
    Identity,
    Json,
    Unanswered,
    ended_by_response,
)
from shipper.capture.emit import Sink, to_logger
from shipper.capture.facts import peer_of
from shipper.capture.memory import Memory
from shipper.capture.methods import FROM_SERVER
from shipper.capture.pending import Pending, begin, end, forget
from shipper.capture.values import text

#: Requests without an answer that are remembered; the oldest one gives way.
_MAX_OPEN = 1024
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
#: A request by the side that made it, and its id; 1 and "1" are two.
_Key = tuple[bool, str | int]


class Session:
    """The open requests of one session, and the names of its peers; for one thread at a time."""

    def __init__(
        self,
        identity: Identity,
        server_name: str | None = None,
        sink: Sink = to_logger,
        memory: Memory | None = None,
    ) -> None:
        self._identity = identity
        self._sink = sink
        self._memory = memory or Memory()
        self._open: dict[_Key, Pending] = {}
        self._client = Client()
        self._server_name = server_name
        self._version: str | None = None
        self._session: str | None = None

    def saw(
        self,
        message: Json,
        *,
        from_server: bool,
        at_ns: int | None = None,
        size: int | None = None,
        http: Http | None = None,
        identity: Identity | None = None,
    ) -> None:
        """Take up a message that passed at `at_ns` of the monotonic clock, by default now.

        `size` is its length in bytes if the message was cut. `identity` is the sender's, if it is
        not the session's. Raises nothing.
        """
        method, key = message.get("method"), _id(message.get("id"))
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        if isinstance(method, str):
            call = partial(self._call, message, http, identity, from_server=from_server)
            self._requested(method, message, call, from_server, at_ns, size)
        elif key is not None:
            self._answered((not from_server, key), message, at_ns, size)

    def close(self, reason: str) -> None:
        """Record the open requests as unanswered."""
        for key in list(self._open):
            self._end(key, Unanswered(reason), time.monotonic_ns())

    def named(self, session: str) -> None:
        """Take up the digest of the session's id, which the answer to its first request gives."""
        self._session = session

    def refuse(self, request_id: object) -> None:
        """Forget a client's request: it never got as far as the server's MCP."""
        key = _id(request_id)
        if key is not None and (pending := self._open.pop((False, key), None)):
            forget(pending)

    def end_asked(self, request_id: object, ended: Failure | Unanswered) -> None:
        """Record a client's request as one without an answer, if it is open."""
        if (key := _id(request_id)) is not None:
            self._end((False, key), ended, time.monotonic_ns())

    def _requested(
        self,
        method: str,
        message: Json,
        call: Callable[[], Call],
        from_server: bool,  # noqa: FBT001
        at_ns: int,
        size: int | None,
    ) -> None:
        given, request_id = message.get("params"), _id(message.get("id"))
        params = given if isinstance(given, dict) else None
        if method == "notifications/cancelled" and params:
            if (key := _id(params.get("requestId"))) is not None:
                self._end((from_server, key), CANCELLED, at_ns)
            return
        if request_id is None and not (from_server and method in FROM_SERVER):
            return
        if method == "initialize" and params:
            self._client = peer_of(params.get("clientInfo"))
        if (pending := begin(call, self._sink)) is None:
            if request_id is not None:  # its answer would count as that of an open request
                self._end((from_server, request_id), Unanswered("id_reused"), at_ns)
            return
        pending = replace(pending, began_ns=at_ns)
        if size:
            pending.asked["mcp.request.size"] = size
        if request_id is None:
            end(pending, Unanswered, self._sink)
        else:
            self._keep((from_server, request_id), pending, at_ns)

    def _call(
        self, message: Json, http: Http | None, identity: Identity | None, *, from_server: bool
    ) -> Call:
        params = message.get("params")
        return Call(
            method=str(message["method"]),
            params=params if isinstance(params, dict) else None,
            id=_id(message.get("id")),
            protocol_version=self._version,
            server_name=self._server_name,
            identity=identity or self._identity,
            client=self._client,
            http=http,
            from_server=from_server,
            memory=self._memory,
        )

    def _keep(self, key: _Key, pending: Pending, at_ns: int) -> None:
        """Remember a request; an open one with the same id can have no answer any more."""
        self._end(key, Unanswered("id_reused"), at_ns)
        if len(self._open) >= _MAX_OPEN:
            self._end(next(iter(self._open)), Unanswered("not_followed"), at_ns)
        self._open[key] = pending

    def _answered(self, key: _Key, message: Json, at_ns: int, size: int | None) -> None:
        pending = self._open.get(key)
        if pending is None:
            return
        self._learn(pending.call, message.get("result"))
        if size:
            pending.asked["mcp.result.size"] = size
        self._end(key, ended_by_response(message), at_ns)

    def _end(self, key: _Key, ended: Ended, at_ns: int) -> None:
        pending = self._open.pop(key, None)
        if pending is None:
            return
        took_ns = max(0, at_ns - pending.began_ns)
        call, http = pending.call, pending.call.http
        if http and not http.session:
            http = replace(http, session=self._session)
        call = replace(call, server_name=self._server_name, http=http)
        now = replace(pending, call=call, began_ns=time.monotonic_ns() - took_ns)
        end(now, lambda: ended, self._sink)

    def _learn(self, call: Call, result: object) -> None:
        """Take up what a server says of itself: when a session opens, or in any result."""
        if call.from_server or not isinstance(result, dict):
            return
        meta = result.get("_meta")
        info = result.get("serverInfo") or (meta.get(_SERVER_INFO) if isinstance(meta, dict) else 0)
        self._server_name = peer_of(info).name or self._server_name
        if call.method == "initialize":
            self._version = text(result.get("protocolVersion"))


def _id(value: object) -> str | int | None:
    """An id as a key: JSON's 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
