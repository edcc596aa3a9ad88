"""The user that a bearer token names: a claim only, because nobody here verifies the token."""

import base64
import binascii
import json
from collections.abc import Mapping

from shipper.capture.call import Claimed
from shipper.capture.values import digest, text

_MAX_TOKEN = 8192
_PARTS = 3


def claimed_by(authorization: bytes) -> Claimed | None:
    """The claims of a JWT in an `Authorization` header; of any other token nothing is kept."""
    scheme, _, token = authorization.strip().partition(b" ")
    claims = claims_in(token.strip()) if scheme.lower() == b"bearer" else None
    if claims is None:
        return None
    token_id = text(claims.get("jti"))
    return Claimed(
        subject=text(claims.get("sub")),
        issuer=text(claims.get("iss")),
        client=text(claims.get("client_id")) or text(claims.get("azp")),
        token_hash=digest(token_id) if token_id else None,
    )


def claims_in(token: bytes) -> Mapping[str, object] | None:
    """What a JWT says; None if the token is none."""
    parts = token.split(b".")
    if len(token) > _MAX_TOKEN or len(parts) != _PARTS:
        return None
    claims = _decoded(parts[1])
    return claims if isinstance(claims, dict) else None


def _decoded(part: bytes) -> object:
    try:
        return json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, RecursionError, binascii.Error):
        return None
