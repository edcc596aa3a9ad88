"""Small readers of foreign values: each gives a plain value or None, and none raises."""

import hashlib
import re
from functools import lru_cache
from ipaddress import ip_address

#: As deep as any sane argument; deeper values are shared with the caller, not copied.
_MAX_DEPTH = 32
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


def text(value: object) -> str | None:
    """The value if it is a string that is not empty."""
    return value if isinstance(value, str) and value else None


def digest(secret: str) -> str:
    """The first half of a SHA-256: correlates values that must not be shown."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@lru_cache(maxsize=1024)  # parsing one costs more than all the other headers
def address(name: str) -> str | None:
    """The name if it is an IP address; that of a test client or a Unix socket is not."""
    try:
        return str(ip_address(name.partition("%")[0]))
    except ValueError:
        return None


def trace(traceparent: object, tracestate: object = None) -> dict[str, object]:
    """`trace.id` and `span.id` of a W3C traceparent, if it is one, with the state beside it."""
    match = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if match is None or not match[1].strip("0") or not match[2].strip("0"):
        return {}
    state = text(tracestate)
    return {
        "trace.id": match[1],
        "span.id": match[2],
        **({"mcp.trace.state": state} if state else {}),
    }


def snapshot(value: object, depth: int = _MAX_DEPTH) -> object:
    """A copy of JSON containers, so that a tool cannot change the arguments it was called with."""
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {key: snapshot(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [snapshot(item, depth - 1) for item in value]
    return value
