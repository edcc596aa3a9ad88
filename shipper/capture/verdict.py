"""Why a token was refused, in a closed vocabulary.

FastMCP's verifiers of JWTs answer only that a token is refused. The key that they tried, and the
values that they expect, show the reason. With other verifiers only the token itself can state it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shipper.capture.claims import claims_in

#: FastMCP's allowance for clocks of others.
_SKEW_S = 60


@dataclass(slots=True)
class Tried:
    """What a verifier did with a token: the key that it tried, or why it found none."""

    key: Any = None
    fault: Exception | None = None


def reason_of(verifier: Any, token: str, tried: Tried) -> str:
    """Why this verifier refused this token.

    The signature goes before the claims: whoever forges a token may claim anything.
    """
    reads_jwts = hasattr(verifier, "_get_verification_key")
    claims = claims_in(token.encode("utf-8", "surrogatepass"))
    if claims is None:
        return "malformed" if reads_jwts else "unknown"
    if not reads_jwts:
        return _reason_in_time(claims) or "unknown"
    if tried.fault is not None:
        return "not_verified" if _is_outage(tried.fault) else "unknown_key"
    if tried.key is not None and _is_forged(token, tried.key, verifier.algorithm):
        return "bad_signature"
    return _reason_in_time(claims) or _reason_in_claims(verifier, claims) or "unknown"


def _is_outage(fault: BaseException) -> bool:
    """Whether the keys could not be fetched; a key that is not among them is the token's fault."""
    found: BaseException | None = fault
    while found is not None:
        if not isinstance(found, (ValueError, LookupError)):
            return True
        found = found.__cause__
    return False


def _is_forged(token: str, key: Any, algorithm: str) -> bool:
    """Whether the signature is wrong. PyJWT comes with mcp; without it nobody knows."""
    try:
        import jwt  # comes with the SDK only
    except ImportError:
        return False
    try:
        jwt.PyJWS().decode(token, key, algorithms=[algorithm])
    except jwt.InvalidAlgorithmError as error:
        return error.__cause__ is None  # with one, it is PyJWT that does not know the algorithm
    except jwt.InvalidSignatureError:
        return True
    except Exception:  # noqa: BLE001 - a key that PyJWT cannot use
        return False
    return False


def _reason_in_time(claims: Mapping[str, object]) -> str | None:
    expires, begins = claims.get("exp"), claims.get("nbf")
    if isinstance(expires, int | float) and expires < time.time():
        return "expired"
    if isinstance(begins, int | float) and begins > time.time() + _SKEW_S:
        return "not_yet_valid"
    return None


def _reason_in_claims(verifier: Any, claims: Mapping[str, object]) -> str | None:
    if verifier.issuer and not _is_one_of(claims.get("iss"), verifier.issuer):
        return "wrong_issuer"
    if verifier.audience and not _is_one_of(claims.get("aud"), verifier.audience):
        return "wrong_audience"
    if set(verifier.required_scopes or ()) - set(_scopes_in(claims)):
        return "insufficient_scope"
    return None


def _is_one_of(given: object, expected: object) -> bool:
    return bool(set(_listed(given)) & set(_listed(expected)))


def _listed(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [item for item in values if isinstance(item, str)]


def _scopes_in(claims: Mapping[str, object]) -> list[str]:
    given = claims.get("scope", claims.get("scp"))
    return given.split() if isinstance(given, str) else _listed(given)
