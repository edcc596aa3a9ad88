"""The steps of an OAuth flow, as they show in the answers of an authorization server."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shipper.capture.exchange import Exchange
from shipper.capture.exchanged import exchange_event, json_in
from shipper.capture.methods import Row
from shipper.capture.routes import Place
from shipper.capture.values import text
from shipper.catalog import MCPEventType
from shipper.record.event import Event, create_event

_OK = 200
_FIRST_FAILURE = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_TOO_MANY = 429

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
_BY_BROWSER = frozenset({Place.AUTHORIZE, Place.CALLBACK, Place.CONSENT})
#: Where a refusal without an OAuth error is one of the state: it was forged, is over, or is
#: another browser's.
_BY_STATE = frozenset({Place.CALLBACK, Place.CONSENT})
#: A client that could not prove who it is: RFC 6749 5.2, and the SDK's own word for it.
_UNPROVEN = frozenset({"invalid_client", "unauthorized_client"})


def is_endpoint(place: Place | None) -> bool:
    """Whether this is an endpoint of an authorization server."""
    return place in _OAUTH


def step_of(scope: Mapping[str, Any], exchange: Exchange) -> Event | None:
    """The event of a step at an endpoint of an authorization server; None if it is no step."""
    place, method = exchange.place, scope["method"]
    if place is None or not (method == "POST" or (method == "GET" and place in _BY_BROWSER)):
        return None
    return _oauth(_OAUTH[place], scope, exchange)


def _oauth(row: Row, scope: Mapping[str, Any], exchange: Exchange) -> Event:
    """A step of an OAuth flow; codes, secrets and tokens are not read."""
    answer, form = json_in(exchange.body), _form(exchange)
    sent = parse_qs(urlsplit(exchange.headers.get(b"location", b"").decode("latin-1")).query)
    fault = text(answer.get("error")) or next(iter(sent.get("error", ())), None)
    success = False if fault else _decided(scope, exchange, sent)
    fault = fault or _unnamed(success, exchange)
    grant = form.get("grant_type")
    fields = {
        "mcp.oauth.grant_type": grant,
        "event.reason": fault,
        "error.message": text(answer.get("error_description")),
    }
    if _is_unproven(exchange, fault):
        row = Row(_AUTH, row.action, row.category, row.types)
    elif grant == "refresh_token":
        row = _refresh(row)
    if success:  # only a success proves that it is the client's own
        fields["client_id"] = text(answer.get("client_id")) or form.get("client_id")
    learned = {name: value for name, value in exchange.learned.items() if value is not None}
    return exchange_event(row, scope, exchange, {**fields, **learned}, success=success)


def _decided(
    scope: Mapping[str, Any], exchange: Exchange, sent: Mapping[str, object]
) -> bool | None:
    """Whether a step without an OAuth error succeeded; None if somebody has still to decide.

    A page to log in or to agree at, or the way to one, is no outcome: only a code is.
    """
    if (exchange.status or _FIRST_FAILURE) >= _FIRST_FAILURE:
        return False
    if exchange.place is Place.AUTHORIZE:
        return True if "code" in sent else None
    is_shown = exchange.status == _OK and scope["method"] == "GET"
    return None if exchange.place is Place.CONSENT and is_shown else True


def _unnamed(success: bool | None, exchange: Exchange) -> str | None:  # noqa: FBT001 - an outcome
    """The reason where the answer names none: of a refusal, or what an undecided step waits for."""
    if success:
        return None
    if success is None:
        return "shown" if exchange.place is Place.CONSENT else "redirected"
    if exchange.status == _TOO_MANY:
        return "rate_limited"
    is_of_state = exchange.place in _BY_STATE and exchange.status in (_FIRST_FAILURE, _FORBIDDEN)
    return "invalid_state" if is_of_state else None


def step_without_request(
    place: Place, fields: Mapping[str, object], *, success: bool | None
) -> Event:
    """The event of an OAuth step where nobody has seen the request that asked for it."""
    row = _OAUTH[place]
    if fields.get("mcp.oauth.grant_type") == "refresh_token":
        row = _refresh(row)
    about = {
        "event.action": row.action,
        "event.category": list(row.category),
        "event.type": list(row.types),
    }
    return create_event(row.event_type, {**about, **fields}, success=success)


def _refresh(row: Row) -> Row:
    return Row(row.event_type, "token-refresh", row.category, ("info",))


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
