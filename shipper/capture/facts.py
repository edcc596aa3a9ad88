"""Where a request came from, as fields: its transport's facts, and its sender's own words."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from shipper.capture.call import Authority, Call, Claimed, Client, Http, Identity
from shipper.capture.values import address, digest, text, trace
from shipper.catalog.methods import methods

_CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
_PROTOCOL_VERSION = "io.modelcontextprotocol/protocolVersion"
_WANTED = {
    *(b"user-agent", b"mcp-session-id", b"x-request-id", b"traceparent", b"tracestate"),
    *(b"mcp-method", b"mcp-name", b"mcp-protocol-version"),
}


#: The keys in `_meta` that hosts use, and their fields.
_HOSTS = tuple(row for host in methods().hosts.values() for row in host.meta.items())


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers that describe the request, by lower-case name; never a credential."""
    return {
        name.decode(): value.decode("latin-1")
        for name, value in scope.get("headers", ())
        if name in _WANTED
    }


def http_of(
    scope: Mapping[str, Any], headers: Mapping[str, str], opened_session: str | None = None
) -> Http:
    """The facts of an HTTP request; `opened_session` is the id of the session that it opens.

    The address is the connection's, as the ASGI server gives it; forwarding headers are not read,
    because anybody may send them.
    """
    peer = scope.get("client")
    session = headers.get("mcp-session-id") or opened_session
    return Http(
        address=address(str(peer[0])) if peer else None,
        port=peer[1] if peer and isinstance(peer[1], int) and peer[1] else None,
        user_agent=headers.get("user-agent"),
        request_id=headers.get("x-request-id"),
        session=digest(session) if session else None,
        traceparent=headers.get("traceparent"),
        tracestate=headers.get("tracestate"),
    )


def fields_of_http(http: Http, identity: Identity) -> dict[str, object]:
    """The fields of an HTTP request: peer, identity, session, trace."""
    return {
        **(trace(http.traceparent, http.tracestate) if http.traceparent else {}),
        **fields_of_claims(identity.claimed),
        **(_authority(identity.authority) if identity.authority else {}),
        "client_id": identity.client,
        "user_id": identity.user,
        "user_name": identity.name,
        "user.domain": identity.domain,
        "network.transport": "tcp",
        "source_ip": http.address,
        "source.port": http.port,
        "user_agent": http.user_agent,
        "http.request.id": http.request_id,
        "session_id": http.session,
    }


def _authority(held: Authority) -> dict[str, object]:
    fields: dict[str, object] = {
        "mcp.oauth.scopes.granted": list(held.scopes),
        "mcp.oauth.audience": list(held.audience),
        "mcp.oauth.token.expires_at": held.expires,
        "mcp.auth.token.hash": held.token_hash,
        "mcp.auth.delegation.actors": list(held.actors),
        "mcp.auth.delegation.truncated": held.is_truncated or None,
    }
    return {name: value for name, value in fields.items() if value}


def fields_of_claims(claimed: Claimed | None) -> dict[str, object]:
    """Whom an unverified token names."""
    if claimed is None:
        return {}
    return {
        "mcp.auth.claimed.subject": claimed.subject,
        "mcp.auth.claimed.issuer": claimed.issuer,
        "mcp.auth.claimed.client": claimed.client,
        "mcp.auth.claimed.token.hash": claimed.token_hash,
    }


def fields_of_call(call: Call) -> dict[str, object]:
    """The fields of a call that do not depend on its method, on whatever transport."""
    meta = call.params.get("_meta") if call.params else None
    meta = meta if isinstance(meta, dict) else {}
    client = _client_in(meta) or call.client
    fields = fields_of_http(call.http, call.identity) if call.http else _fields_of_pipe(call)
    if meta:
        fields |= _stated_in(meta)
    fields["mcp.client.name"] = client.name
    fields["mcp.client.version"] = client.version
    fields["mcp.method.name"] = call.method
    fields["mcp.request.id"] = None if call.id is None else str(call.id)
    fields["mcp.protocol.version"] = call.protocol_version or text(meta.get(_PROTOCOL_VERSION))
    fields["mcp.server.name"] = call.server_name
    return fields


def _stated_in(meta: dict[str, object]) -> dict[str, object]:
    """The trace, and what the host states of the call: nobody verifies it."""
    stated = trace(meta.get("traceparent"), meta.get("tracestate"))
    for key, field in _HOSTS:
        if field not in stated and (value := text(meta.get(key))):
            stated[field] = value
    return stated


@cache
def _stated_in_environment() -> dict[str, object]:
    """What the host that started this process states of all its calls."""
    rows = (row for host in methods().hosts.values() for row in host.environment.items())
    return {field: value for key, field in rows if (value := os.environ.get(key))}


def _fields_of_pipe(call: Call) -> dict[str, object]:
    who = call.identity
    return {
        **_stated_in_environment(),
        "user_id": who.user,
        "user_name": who.name,
        "user.domain": who.domain,
        "network.transport": "pipe",
    }


def _client_in(meta: dict[str, object]) -> Client | None:
    """The client that a message names itself, as each does since 2026-07-28."""
    info = meta.get(_CLIENT_INFO)
    return peer_of(info) if isinstance(info, dict) else None


def peer_of(info: object) -> Client:
    """What a peer calls itself in `clientInfo` or `serverInfo`; empty if that is no object."""
    if not isinstance(info, dict):
        return Client()
    return Client(text(info.get("name")), text(info.get("version")))
