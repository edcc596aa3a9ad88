"""Under what authority a request is made: what its verified token allows, and who acts by it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shipper.capture.call import Authority
from shipper.capture.values import digest, text

#: Scopes, audiences and actors that are kept; RFC 8693 sets no bound to the depth of `act`.
_MAX_SCOPES, _MAX_ACTORS = 64, 8


def authority_of(token: Any, claims: Mapping[str, object]) -> Authority:
    """What this access token of an SDK gives; its verifier has checked it, with these claims."""
    expires = getattr(token, "expires_at", None)
    actors = _actors(claims.get("act"))
    token_id = text(claims.get("jti"))
    return Authority(
        scopes=_texts(getattr(token, "scopes", None)),
        audience=_texts(getattr(token, "resource", None)) or _texts(claims.get("aud")),
        expires=_date(expires) if isinstance(expires, int | float) else None,
        token_hash=digest(token_id) if token_id else None,
        actors=actors[:_MAX_ACTORS],
        is_truncated=len(actors) > _MAX_ACTORS,
    )


def _actors(act: object) -> tuple[str, ...]:
    """The chain of actors, the present one first (RFC 8693, 4.1); one more than are kept."""
    found: list[str] = []
    while isinstance(act, dict) and len(found) <= _MAX_ACTORS:
        found.append(text(act.get("sub")) or text(act.get("client_id")) or "unknown")
        act = act.get("act")
    return tuple(found)


def _texts(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else (value,)
    return tuple(item for item in listed[:_MAX_SCOPES] if isinstance(item, str) and item)


@lru_cache(maxsize=1024)  # a token comes with many requests
def _date(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return None
