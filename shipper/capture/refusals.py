"""HTTP exchanges that no MCP hook sees: they end before dispatch, or are OAuth's."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shipper.capture.exchange import Exchange
from shipper.capture.facts import fields_of_http, headers_of, http_of
from shipper.capture.identity import token_holder
from shipper.capture.methods import Row
from shipper.capture.values import text
from shipper.catalog import MCPEventType
from shipper.record.event import Event, create_event

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_MANY = 429
_FIRST_FAILURE = 400

_AUTH = MCPEventType.AUTHENTICATION
_TOKENS = MCPEventType.OAUTH2_TOKEN_USAGE
_LOGIN = ("authentication",)
#: The authorization server's own endpoints, where the SDKs put them.
_OAUTH: Mapping[str, Row] = {
    "/authorize": Row(_AUTH, "oauth-authorize", _LOGIN, ("start",)),
    "/register": Row(_AUTH, "client-register", ("iam",), ("creation",)),
    "/revoke": Row(_TOKENS, "token-revoke", _LOGIN, ("end",)),
    "/token": Row(_TOKENS, "token-issue", _LOGIN, ("start",)),
}
_REJECTED = Row(_AUTH, "token-rejected", _LOGIN, ("start",))
_SESSION_END = Row(_AUTH, "session-end", ("session",), ("end",))
_CHALLENGE = Row(MCPEventType.AUTHORIZATION, "scope-challenge", types=("access", "denied"))
_LIMITED = Row(MCPEventType.RATE_LIMITING, "rate-limit", types=("denied",))
_VIOLATION = Row(MCPEventType.POLICY_VIOLATION, "protocol-violation", types=("denied",))

#: Refusals of the transport, by JSON-RPC code where the body has one, else by status.
_BY_CODE = {
    -32700: "malformed_json",
    -32600: "invalid_request",
    -32020: "header_mismatch",
    -32022: "unsupported_protocol_version",
}
_BY_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    421: "host_not_allowed",
}
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def event_of(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    """The event of an exchange that has none yet; None if there is nothing to record."""
    status = exchange.status
    if status is None or exchange.dispatched or scope["method"] == "OPTIONS":
        return None
    if status != _TOO_MANY and (row := _OAUTH.get(path_of(scope))):
        return _oauth(row, scope, exchange)
    if refused := _REFUSALS.get(status):
        return refused(scope, exchange)
    if scope["method"] == "DELETE" and status < _FIRST_FAILURE:
        return _session_end(scope, exchange)
    if status in _BY_STATUS and _speaks_mcp(scope, exchange):
        return _violation(_violated(scope, exchange), scope, exchange)
    return None


def path_of(scope: Mapping[str, Any]) -> str:
    """The path within the wrapped app."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _limited(scope: Mapping[str, Any], exchange: Exchange) -> Event:
    after = exchange.headers.get(b"retry-after", b"").decode("latin-1")
    fields = {
        "mcp.rate_limit.name": "http",
        "mcp.rate_limit.retry_after_s": float(after) if after.isdecimal() else None,
    }
    return _event(_LIMITED, scope, exchange, fields)


def _rejected(scope: Mapping[str, Any], exchange: Exchange) -> Event:
    reason = _token_fault(scope, _challenge(exchange))
    fields = {"event.reason": reason, "mcp.oauth.token_type": "bearer"}
    return _event(_REJECTED, scope, exchange, fields)


def _token_fault(scope: Mapping[str, Any], challenge: Mapping[str, str]) -> str:
    """Why a token was refused, in a closed vocabulary.

    Neither SDK distinguishes an expired token from an unknown one; other servers' challenges do.
    """
    given = [v for name, v in scope["headers"] if name == b"authorization"]
    if not given:
        return "missing"
    scheme, _, credential = given[0].strip().partition(b" ")
    if scheme.lower() != b"bearer" or not credential.strip():
        return "malformed"
    if challenge.get("error") == "invalid_request":
        return "malformed"
    if challenge.get("error") == "insufficient_scope":
        return "insufficient_scope"
    # FastMCP's text is always "invalid, expired, or no longer recognized".
    described = challenge.get("error_description", "").lower()
    return "expired" if "expired" in described and "invalid" not in described else "unknown"


def _forbidden(scope: Mapping[str, Any], exchange: Exchange) -> Event:
    challenge = _challenge(exchange)
    token = getattr(scope.get("user"), "access_token", None)
    foreign_origin = any(name == b"origin" for name, _ in scope["headers"])
    if foreign_origin and not challenge:
        return _violation("origin_not_allowed", scope, exchange)
    described = challenge.get("error_description", "")
    required = challenge.get("scope") or described.removeprefix("Required scope: ")
    fields = {
        "event.reason": challenge.get("error") or "forbidden",
        "mcp.authz.engine": "http",
        "mcp.authz.decision": "deny",
        "mcp.oauth.scopes.required": required.split() or None,
        "mcp.oauth.scopes.granted": list(getattr(token, "scopes", None) or ()) or None,
    }
    return _event(_CHALLENGE, scope, exchange, fields)


_REFUSALS: Mapping[int, Callable[[Mapping[str, Any], Exchange], Event]] = {
    _UNAUTHORIZED: _rejected,
    _FORBIDDEN: _forbidden,
    _TOO_MANY: _limited,
}


def _session_end(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    if "mcp-session-id" not in headers_of(scope):
        return None
    return _event(_SESSION_END, scope, exchange, {}, success=True)


def _violation(kind: str, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    error = _rpc_error(exchange)
    code = error.get("code")
    fields = {
        "mcp.violation.type": kind,
        "mcp.violation.action_taken": "blocked",
        "mcp.violation.details": text(error.get("message")),
        "error.code": None if code is None else str(code),
    }
    return _event(_VIOLATION, scope, exchange, fields)


def _violated(scope: Mapping[str, Any], exchange: Exchange) -> str:
    if exchange.status == _NOT_FOUND and "mcp-session-id" in headers_of(scope):
        return "unknown_session"
    code = _rpc_error(exchange).get("code")
    by_code = _BY_CODE.get(code) if isinstance(code, int) else None
    if exchange.status == _FIRST_FAILURE and by_code:
        return by_code
    return _BY_STATUS[exchange.status or _FIRST_FAILURE]


def _speaks_mcp(scope: Mapping[str, Any], exchange: Exchange) -> bool:
    """Whether the refusal concerns MCP: an app also serves other pages, and is probed."""
    return (
        scope["method"] == "POST"
        or bool(_rpc_error(exchange))
        or any(name.startswith(b"mcp-") for name, _ in scope["headers"])
    )


def _oauth(row: Row, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    """A step of an OAuth flow; codes, secrets and tokens are not read."""
    answer, form = _json(exchange.body), _form(exchange)
    sent = parse_qs(urlsplit(exchange.headers.get(b"location", b"").decode("latin-1")).query)
    fault = text(answer.get("error")) or next(iter(sent.get("error", ())), None)
    success = (exchange.status or _FIRST_FAILURE) < _FIRST_FAILURE and fault is None
    grant = form.get("grant_type")
    fields = {
        "mcp.oauth.grant_type": grant,
        "event.reason": fault,
        "error.message": text(answer.get("error_description")),
    }
    if grant == "refresh_token":
        row = Row(row.event_type, "token-refresh", row.category, ("info",))
    if success:  # only a success proves that it is the client's own
        fields["client_id"] = text(answer.get("client_id")) or form.get("client_id")
    return _event(row, scope, exchange, fields, success=success)


def _form(exchange: Exchange) -> dict[str, str]:
    """The two harmless parameters of a token request."""
    try:
        given = parse_qs(exchange.form.decode(), max_num_fields=64)
    except ValueError:
        return {}
    return {key: given[key][0] for key in ("grant_type", "client_id") if key in given}


def _challenge(exchange: Exchange) -> dict[str, str]:
    header = exchange.headers.get(b"www-authenticate", b"").decode("latin-1")
    return dict(_PARAMETER.findall(header))


def _rpc_error(exchange: Exchange) -> Mapping[str, object]:
    error = _json(exchange.body).get("error")
    return error if isinstance(error, Mapping) else {}


def _json(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _event(
    row: Row,
    scope: Mapping[str, Any],
    exchange: Exchange,
    fields: Mapping[str, object],
    *,
    success: bool = False,
) -> Event:
    headers = headers_of(scope)
    method, name = headers.get("mcp-method"), headers.get("mcp-name")
    common = {
        "event.action": row.action,
        "event.category": list(row.category),
        "event.type": list(row.types),
        "http.request.method": scope["method"],
        "http.response.status_code": exchange.status,
        "url.path": scope["path"],
        "mcp.method.name": method,
        "mcp.protocol.version": headers.get("mcp-protocol-version"),
        "gen_ai.tool.name": name if method == "tools/call" else None,
    }
    facts = fields_of_http(http_of(scope, headers), token_holder(scope))
    return create_event(row.event_type, {**common, **facts, **fields}, success=success)
