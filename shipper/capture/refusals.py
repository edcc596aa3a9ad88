"""HTTP exchanges that no MCP hook sees: they end before dispatch, or are OAuth's."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from shipper.capture.claims import claimed_by
from shipper.capture.exchange import Exchange, Verdict
from shipper.capture.exchanged import exchange_event, json_in
from shipper.capture.facts import fields_of_claims, headers_of
from shipper.capture.failures import failure_of
from shipper.capture.methods import Row
from shipper.capture.oauth import is_endpoint, step_of
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
    if (verdict := _refusal(exchange)) is not None:
        return _judged(verdict, scope, exchange)
    return _unjudged(scope, exchange)


def _unjudged(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    if exchange.dispatched or scope["method"] == "OPTIONS":
        return None
    if (fault := _verifier_fault(exchange.error)) is not None:
        return _unverified(fault, scope, exchange)
    if exchange.status is None:
        return None
    if is_endpoint(exchange.place):
        return step_of(scope, exchange)
    if _concerns_mcp(scope, exchange):
        return _refused(exchange.status, scope, exchange)
    return None


def unread(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    """The event of a message that passed and could not be read; None where nobody serves MCP."""
    if not _concerns_mcp(scope, exchange):
        return None
    fields = {"mcp.violation.type": "unreadable_message", "mcp.violation.action_taken": "none"}
    return exchange_event(_UNREAD, scope, exchange, fields)


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
    return exchange_event(_LIMITED, scope, exchange, fields)


def _rejected(scope: Mapping[str, Any], exchange: Exchange) -> Event:
    reason = _token_fault(scope, _challenge(exchange))
    fields = {"event.reason": reason, "mcp.oauth.token_type": "bearer"}
    return exchange_event(_REJECTED, scope, exchange, fields)


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
    return exchange_event(_REJECTED, scope, exchange, fields)


def rejected_token(token: str, verdict: Verdict) -> Event:
    """The event of a refused token where nobody has seen the request that it came with."""
    fields = {
        "event.action": _REJECTED.action,
        "event.category": list(_REJECTED.category),
        "event.type": list(_REJECTED.types),
        **_judgement(verdict),
        **fields_of_claims(claimed_by(b"bearer " + token.encode("utf-8", "surrogatepass"))),
    }
    return create_event(_REJECTED.event_type, fields, success=False)


def _refusal(exchange: Exchange) -> Verdict | None:
    """The verdict on the request's token, unless another verifier accepted it.

    If a verifier accepted a token that never became a user, the SDK refused it for its audience:
    no other check comes between the two.
    """
    verdict = exchange.verdict
    if verdict is None or getattr(exchange.scope.get("user"), "access_token", None) is not None:
        return None
    if verdict.reason is None:
        return Verdict("wrong_audience") if exchange.status == _UNAUTHORIZED else None
    return verdict


def _judged(verdict: Verdict, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    given = next((v for name, v in scope["headers"] if name == b"authorization"), b"")
    status = exchange.status or (_SERVER_ERROR if exchange.error else None)
    claims = fields_of_claims(claimed_by(given))
    fields = {**claims, **_judgement(verdict), "http.response.status_code": status}
    return exchange_event(_REJECTED, scope, exchange, fields)


def _judgement(verdict: Verdict) -> dict[str, object]:
    return {
        "event.reason": verdict.reason,
        "error.type": verdict.error,
        "mcp.oauth.token_type": "bearer",
    }


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
    return exchange_event(_CHALLENGE, scope, exchange, fields)


_REFUSALS: Mapping[int, Callable[[Mapping[str, Any], Exchange], Event]] = {
    _UNAUTHORIZED: _rejected,
    _FORBIDDEN: _forbidden,
    _TOO_MANY: _limited,
}


def _session_end(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    if "mcp-session-id" not in headers_of(scope):
        return None
    return exchange_event(_SESSION_END, scope, exchange, {}, success=True)


def _violation(kind: str, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    error = _rpc_error(exchange)
    code = error.get("code")
    fields = {
        "mcp.violation.type": kind,
        "mcp.violation.action_taken": "blocked",
        "mcp.violation.details": text(error.get("message")),
        "error.code": None if code is None else str(code),
    }
    return exchange_event(_VIOLATION, scope, exchange, fields)


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


def _challenge(exchange: Exchange) -> dict[str, str]:
    header = exchange.headers.get(b"www-authenticate", b"").decode("latin-1")
    return dict(_PARAMETER.findall(header))


def _rpc_error(exchange: Exchange) -> Mapping[str, object]:
    error = json_in(exchange.body).get("error")
    return error if isinstance(error, Mapping) else {}
