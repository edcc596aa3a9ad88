"""Where a request came from: what its transport tells, and what its sender says of itself."""

from collections.abc import Mapping
from typing import Any, Protocol

from shipper.capture.identity import process_owner, token_holder
from shipper.capture.values import address, digest, text, trace

_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
_WANTED = {
    *(b"user-agent", b"mcp-session-id", b"x-request-id", b"traceparent"),
    *(b"mcp-method", b"mcp-name", b"mcp-protocol-version"),
}


class Request(Protocol):
    """The part of the SDK's `ServerRequestContext` that capture relies on."""

    method: str
    params: Mapping[str, Any] | None
    request_id: str | int | None
    protocol_version: str
    request: Any
    session: Any


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers that say something of the request, by lower-case name; never a credential."""
    return {
        name.decode(): value.decode("latin-1")
        for name, value in scope.get("headers", ())
        if name in _WANTED
    }


def of_http(scope: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, object]:
    """The facts of an HTTP request: peer, identity, session, trace.

    The address is that of the connection as the ASGI server gives it; forwarding headers are not
    read, for anybody may send them.
    """
    peer = scope.get("client")
    session = headers.get("mcp-session-id")
    return {
        **token_holder(scope),
        **trace(headers.get("traceparent")),
        "network.transport": "tcp",
        "source_ip": address(str(peer[0])) if peer else None,
        "user_agent": headers.get("user-agent"),
        "http.request.id": headers.get("x-request-id"),
        "session_id": digest(session) if session else None,
    }


def of_request(ctx: Request, server_name: str) -> dict[str, object]:
    """The facts of a dispatched request, on whatever transport."""
    meta = (ctx.params or {}).get("_meta")
    meta = meta if isinstance(meta, Mapping) else {}
    scope = getattr(ctx.request, "scope", None)
    if scope is None:
        facts = {**process_owner(), "network.transport": "pipe"}
    else:
        facts = {**of_http(scope, headers_of(scope))}
        facts["session_id"] = facts["session_id"] or _new_session(ctx)
    return {
        **facts,
        **trace(meta.get("traceparent")),
        **_client(ctx, meta),
        "mcp.method.name": ctx.method,
        "mcp.request.id": str(ctx.request_id),
        "mcp.protocol.version": text(ctx.protocol_version),
        "mcp.server.name": text(server_name),
    }


def _new_session(ctx: Request) -> str | None:
    """The session that an `initialize` opens: only its answer will carry the header."""
    connection = getattr(ctx.session, "_connection", None)
    session = text(getattr(connection, "session_id", None))
    return digest(session) if session else None


def _client(ctx: Request, meta: Mapping[str, object]) -> dict[str, object]:
    """What the client calls itself: with each request since 2026-07-28, before that once."""
    said = meta.get(_CLIENT_INFO)
    if said is None and ctx.method == "initialize":
        said = (ctx.params or {}).get("clientInfo")
    if isinstance(said, Mapping):
        return {
            "mcp.client.name": text(said.get("name")),
            "mcp.client.version": text(said.get("version")),
        }
    told = getattr(getattr(ctx.session, "client_params", None), "client_info", None)
    return {
        "mcp.client.name": text(getattr(told, "name", None)),
        "mcp.client.version": text(getattr(told, "version", None)),
    }
