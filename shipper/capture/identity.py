"""Who made a request: the verified token of that very request, or the owner of the process."""

import platform
from collections.abc import Mapping
from functools import cache
from typing import Any

from shipper.account import account
from shipper.capture.authority import authority_of
from shipper.capture.call import Claimed, Identity
from shipper.capture.values import text

#: Where a proxy puts whom the token of a request names; nobody has verified it.
CLAIMED = "shipper.claimed"
_NOBODY = Identity()
#: The claims that hold a login name: OpenID Connect's, token introspection's (RFC 7662), Entra's.
_NAMES = ("preferred_username", "username", "upn", "email")


def token_holder(scope: Mapping[str, Any]) -> Identity:
    """Whoever's token came with this HTTP request; empty when none was verified.

    It is read from the request's own scope: the SDK's context variable may hold the token that
    opened the session, and FastMCP's `Context.client_id` is what the client calls itself. A token
    that names no subject speaks for its client alone (client credentials), so the client is then
    the user too: `user.id` equals `mcp.client.id`.
    """
    token = getattr(scope.get("user"), "access_token", None)
    if token is None:
        claimed = scope.get(CLAIMED)
        return Identity(claimed=claimed) if isinstance(claimed, Claimed) else _NOBODY
    claims = getattr(token, "claims", None)
    if not isinstance(claims, Mapping):
        claims = {}
    client = text(getattr(token, "client_id", None))
    subject = text(getattr(token, "subject", None)) or text(claims.get("sub"))
    user = subject or client
    name = next((found for key in _NAMES if (found := text(claims.get(key)))), None)
    name = name if name != user else None
    return Identity(
        user, text(claims.get("iss")), client, name, authority=authority_of(token, claims)
    )


@cache
def process_owner() -> Identity:
    """The account this process runs as, unique within its host: all that is known on a pipe."""
    return Identity(user=account(), domain=platform.node())
