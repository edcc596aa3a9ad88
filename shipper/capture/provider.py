"""The authorization server: for whom its steps were, and which scopes it granted.

The endpoints show that a step was taken, and its OAuth error; only the provider knows the user and
what a token allows.
"""

import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from shipper.capture.emit import attempt, emit, open_logger
from shipper.capture.exchange import current_exchange
from shipper.capture.oauth import step_without_request
from shipper.capture.routes import Place
from shipper.capture.values import digest, text
from shipper.capture.verifier import replace_on, watch_verification

P = TypeVar("P")

_MARK = "_shipper_wrapped"
_Method = Callable[..., Awaitable[Any]]
#: The methods of a provider that take a step, with the endpoint and the grant of each.
_STEPS = {
    "authorize": (Place.AUTHORIZE, None),
    "exchange_authorization_code": (Place.TOKEN, "authorization_code"),
    "exchange_identity_assertion": (Place.TOKEN, "urn:ietf:params:oauth:grant-type:jwt-bearer"),
    "exchange_refresh_token": (Place.TOKEN, "refresh_token"),
    "register_client": (Place.REGISTER, None),
    "revoke_token": (Place.REVOKE, None),
}


def wrap_oauth_provider(provider: P) -> P:
    """Record the steps of this authorization server with their users, and give it back.

    Takes an `OAuthAuthorizationServerProvider` of the package mcp, or an OAuth provider of fastmcp,
    before an app is made with it. Its refusals of access tokens are recorded as by
    `wrap_token_verifier`. It remains the same object. Calling it again changes nothing. Raises
    `TypeError` for anything else.
    """
    if not callable(getattr(provider, "exchange_authorization_code", None)):
        raise TypeError(
            "wrap_oauth_provider() takes an OAuthAuthorizationServerProvider; "
            f"this is a {type(provider).__qualname__}"
        )
    if not hasattr(provider, _MARK):
        _watch(provider)
        replace_on(provider, _MARK, True)  # noqa: FBT003 - a mark
        open_logger()
    return provider


def _watch(provider: Any) -> None:
    for name, (place, grant) in _STEPS.items():
        if (method := getattr(provider, name, None)) is not None:
            replace_on(provider, name, _recorded(method, place, grant))
    name = "verify_token" if hasattr(provider, "verify_token") else "load_access_token"
    watch_verification(provider, name)


def _recorded(take: _Method, place: Place, grant: str | None) -> _Method:
    @functools.wraps(take)
    async def step(*args: Any, **kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        try:
            made = await take(*args, **kwargs)
        except Exception as error:
            attempt(_learn, place, grant, given, error)
            raise
        attempt(_learn, place, grant, given, made)
        return made

    return step


def _learn(place: Place, grant: str | None, given: tuple[Any, ...], made: object) -> None:
    """Leave what is known to the request's event; without a wrapper around, make an event."""
    fields = _fields(given, made)
    if exchange := current_exchange():
        if not isinstance(made, Exception):
            exchange.learned.update(_known(place, fields))
        return
    if isinstance(made, Exception):
        fault = text(getattr(made, "error", None)) or type(made).__name__
        fields = {"client_id": fields["client_id"], "event.reason": fault}
    grant_type = {"mcp.oauth.grant_type": grant} if grant else {}
    success = _success(place, made)
    emit(
        functools.partial(
            step_without_request, place, grant_type | _known(place, fields), success=success
        )
    )


def _success(place: Place, made: object) -> bool | None:
    """Whether a step succeeded; where a user has to agree first, nobody knows yet."""
    if isinstance(made, Exception):
        return False
    return None if place is Place.AUTHORIZE else True


#: Fields of tokens, which only events of tokens have.
_OF_TOKENS = frozenset(
    ("mcp.oauth.token.hash", "mcp.oauth.token.expires_at", "mcp.oauth.scopes.granted")
)


def _known(place: Place, fields: Mapping[str, object]) -> dict[str, object]:
    has_token = place in (Place.TOKEN, Place.REVOKE)
    return {
        name: value
        for name, value in fields.items()
        if value is not None and (has_token or name not in _OF_TOKENS)
    }


def _fields(given: tuple[Any, ...], made: object) -> dict[str, object]:
    """Client and user from the arguments, the rest from the token that was made or revoked."""
    revoked = given[0] if len(given) == 1 and hasattr(given[0], "token") else None
    access = text(getattr(made, "access_token", None)) or text(getattr(revoked, "token", None))
    return {
        "client_id": _first(given, "client_id"),
        "user_id": _first(given, "subject"),
        "mcp.oauth.token.hash": digest(access) if access else None,
        "mcp.oauth.token.expires_at": _expiry(getattr(made, "expires_in", None)),
        "mcp.oauth.scopes.granted": _scopes(made) or _scopes(revoked),
    }


def _first(given: tuple[Any, ...], name: str) -> str | None:
    return next((found for one in given if (found := text(getattr(one, name, None)))), None)


def _expiry(seconds: object) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    return datetime.fromtimestamp(int(time.time() + seconds), UTC).isoformat()


def _scopes(token: object) -> list[str] | None:
    if granted := text(getattr(token, "scope", None)):
        return granted.split()
    scopes = getattr(token, "scopes", None)
    return list(scopes) or None if isinstance(scopes, list | tuple) else None
