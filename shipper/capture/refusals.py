"""HTTP exchanges that no MCP hook sees: they end before dispatch, or are OAuth's."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shipper.capture.exchange import Exchange
from shipper.capture.facts import fields_of_http, headers_of, http_of
from shipper.capture.failures import failure_of
from shipper.capture.identity import token_holder
from shipper.capture.methods import Row
from shipper.capture.routes import Place
from shipper.capture.values import text
from shipper.catalog import MCPEventType
from shipper.record.event import Event, create_event

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_TOO_MANY = 429
_FIRST_FAILURE = 400
_SERVER_ERROR = 500

_AUTH = MCPEventType.AUTHENTICATION
_TOKENS = MCPEventType.OAUTH2_TOKEN_USAGE
_LOGIN = ("authentication",)
#: The steps at an authorization server's endpoints.
_OAUTH: Mapping[Place, Row] = {
    Place.AUTHORIZE: Row(_AUTH, "oauth-authorize", _LOGIN, ("start",)),
    Place.CALLBACK: Row(_AUTH, "oauth-callback", _LOGIN, ("info",)),
    Place.CONSENT: Row(_AUTH, "oauth-consent", _LOGIN, ("info",)),
    Place.REGISTER: Row(_AUTH, "client-register", ("iam",), ("creation",)),
    Place.REVOKE: Row(_TOKENS, "token-revoke", _LOGIN, ("end",)),
    Place.TOKEN: Row(_TOKENS, "token-issue", _LOGIN, ("start",)),
}
#: GET is a step here. Elsewhere only POST is: a page that is shown does nothing.
_BY_BROWSER = frozenset({Place.AUTHORIZE, Place.CALLBACK})
#: A client that could not prove who it is: RFC 6749 5.2, and the SDK's own word for it.
_UNPROVEN = frozenset({"invalid_client", "unauthorized_client"})
_REJECTED = Row(_AUTH, "token-rejected", _LOGIN, ("start",))
_SESSION_END = Row(_AUTH, "session-end", ("session",), ("end",))
_CHALLENGE = Row(MCPEventType.AUTHORIZATION, "scope-challenge", types=("access", "denied"))
_LIMITED = Row(MCPEventType.RATE_LIMITING, "rate-limit", types=("denied",))
_VIOLATION = Row(MCPEventType.POLICY_VIOLATION, "protocol-violation", types=("denied",))
_UNREAD = Row(MCPEventType.POLICY_VIOLATION, "protocol-violation", types=("info",))

#: Refusals of the transport, by JSON-RPC code where the body has one, else by status.
_BY_CODE = {
    -32700: "malformed_json",
    -32600: "invalid_request",
    -32020: "header_mismatch",
    -32022: "unsupported_protocol_version",
}
#: Codes of errors that are the transport's, not an answer to the request.
TRANSPORT_CODES = frozenset(_BY_CODE)
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
#: Ends of the headers in which others expect credentials, such as `X-Api-Key`.
_OTHER_CREDENTIALS = (b"api-key", b"apikey", b"-token", b"-secret")
#: What every client of the HTTP transport has to accept, and few others do.
_ACCEPTED = (b"application/json", b"text/event-stream")
#: Where the SDKs ask for a token's verification: module and function.
_VERIFIER = ("mcp.server.auth.middleware.bearer_auth", "authenticate")
_MAX_FRAMES = 200
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


def event_of(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    """The event of an exchange that has none yet; None if there is nothing to record."""
    if exchange.dispatched or scope["method"] == "OPTIONS":
        return None
    if (fault := _verifier_fault(exchange.error)) is not None:
        return _unverified(fault, scope, exchange)
    if exchange.status is None:
        return None
    place = exchange.place
    row = _OAUTH.get(place) if place else None
    if row:
        is_step = scope["method"] == "POST" or (scope["method"] == "GET" and place in _BY_BROWSER)
        return _oauth(row, scope, exchange) if is_step else None
    if _concerns_mcp(scope, exchange):
        return _refused(exchange.status, scope, exchange)
    return None


def unread(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    """The event of a message that passed and could not be read; None where nobody serves MCP."""
    if not _concerns_mcp(scope, exchange):
        return None
    fields = {"mcp.violation.type": "unreadable_message", "mcp.violation.action_taken": "none"}
    return _event(_UNREAD, scope, exchange, fields)


def may_have_form(scope: Mapping[str, Any], place: Place | None) -> bool:
    """Whether the request may be one for a token: its form says which client wants what."""
    return place is Place.TOKEN or (scope["method"] == "POST" and scope["path"].endswith("/token"))


def _refused(status: int, scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    if refused := _REFUSALS.get(status):
        return refused(scope, exchange)
    if scope["method"] == "DELETE" and status < _FIRST_FAILURE:
        return _session_end(scope, exchange)
    if status in _BY_STATUS and _speaks_mcp(scope, exchange):
        return _violation(_violated(scope, exchange), scope, exchange)
    return None


def _concerns_mcp(scope: Mapping[str, Any], exchange: Exchange) -> bool:
    """Whether a request went to MCP: an app also serves other pages, and is probed.

    A layer around an endpoint that nobody knows can refuse only by what the request says.
    """
    return (
        exchange.place is Place.MCP
        or any(name.startswith(b"mcp-") for name, _ in scope["headers"])
        or scope["path"].rstrip("/").endswith("/mcp")
        or any(
            name == b"accept" and all(kind in value for kind in _ACCEPTED)
            for name, value in scope["headers"]
        )
    )


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


def _verifier_fault(error: BaseException | None) -> Exception | None:
    """The error, if it comes from the verification of a token."""
    trace = error.__traceback__ if error is not None else None
    for _ in range(_MAX_FRAMES):
        if trace is None:
            return None
        frame = trace.tb_frame
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _VERIFIER:
            return error if isinstance(error, Exception) else None
        trace = trace.tb_next
    return None


def _unverified(error: Exception, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    """A token that nobody could verify; the error's text is left out, as it may quote the token."""
    fields = {
        "event.reason": "not_verified",
        "error.type": failure_of(error).type,
        "mcp.oauth.token_type": "bearer",
        "http.response.status_code": exchange.status or _SERVER_ERROR,
    }
    return _event(_REJECTED, scope, exchange, fields)


def _token_fault(scope: Mapping[str, Any], challenge: Mapping[str, str]) -> str:
    """Why a token was refused, in a closed vocabulary.

    Neither SDK distinguishes an expired token from an unknown one; other servers' challenges do.
    """
    given = [v for name, v in scope["headers"] if name == b"authorization"]
    if not given:
        other = any(name.endswith(_OTHER_CREDENTIALS) for name, _ in scope["headers"])
        return "unknown" if other else "missing"
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
    token = getattr(exchange.scope.get("user"), "access_token", None)
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
    """Whether the request is a message: browsers and probes also ask for the endpoint's page."""
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
    if fault is None and exchange.status == _TOO_MANY:
        fault = "rate_limited"
    grant = form.get("grant_type")
    fields = {
        "mcp.oauth.grant_type": grant,
        "event.reason": fault,
        "error.message": text(answer.get("error_description")),
    }
    if _is_unproven(exchange, fault):
        row = Row(_AUTH, row.action, row.category, row.types)
    elif grant == "refresh_token":
        row = Row(row.event_type, "token-refresh", row.category, ("info",))
    if success:  # only a success proves that it is the client's own
        fields["client_id"] = text(answer.get("client_id")) or form.get("client_id")
    return _event(row, scope, exchange, fields, success=success)


def _is_unproven(exchange: Exchange, fault: str | None) -> bool:
    """Whether the client failed to authenticate, or may not try again for now.

    FastMCP answers 401 to a bad grant too, which is another fault.
    """
    if exchange.status == _UNAUTHORIZED:
        return fault is None or fault in _UNPROVEN
    return exchange.status == _TOO_MANY or fault == "invalid_client"


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
    facts = fields_of_http(http_of(scope, headers), token_holder(exchange.scope))
    return create_event(row.event_type, {**common, **facts, **fields}, success=success)
