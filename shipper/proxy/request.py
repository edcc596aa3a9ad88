"""The head of a client's request: the checks that refuse it, and its form for the record."""

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

from shipper.capture.claims import claimed_by
from shipper.capture.identity import CLAIMED
from shipper.proxy.headers import hidden, value_of

_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
#: Of two of these a server may believe the one that the record does not have.
_ONCE = frozenset(
    (b"authorization", b"content-type", b"mcp-method", b"mcp-name", b"mcp-protocol-version")
) | {b"mcp-session-id"}
_SHOWN = ", ".join(sorted(name.decode() for name in _ONCE))
_DOTS = frozenset((".", ".."))


class Refusal(Exception):
    """A request that the proxy answers itself."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def target_of(request: h11.Request) -> str:
    """The target without the host that a request may name in it."""
    target = request.target.decode("latin-1")
    if target.startswith(("http://", "https://")):
        try:
            parts = urlsplit(target)
        except ValueError:  # no path: `check` refuses it
            return target
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return target


def scope_of(request: h11.Request, target: str, peer: tuple[str, int]) -> dict[str, Any]:
    """The request as ASGI describes it; without the headers that the server does not get."""
    dropped = hidden(request.headers.raw_items())
    given = [(name, value) for name, value in request.headers if name not in dropped]
    return {
        "type": "http",
        "method": request.method.decode("ascii"),
        "path": unquote(target.partition("?")[0]),
        "headers": given,
        "client": peer,
        CLAIMED: claimed_by(value_of(given, b"authorization")),
    }


def check(request: h11.Request, target: str, host: str | None) -> None:
    """Refuse what cannot be passed on, or would pass unseen. Raises `Refusal`.

    A proxy that only this machine can reach has the `host` it listens at: by another name a
    browser comes that somebody else's page has led here (DNS rebinding).
    """
    if request.method == b"CONNECT":
        raise Refusal(HTTPStatus.NOT_IMPLEMENTED, "CONNECT is not supported")
    segments = unquote(target.partition("?")[0]).replace("\\", "/").split("/")
    if not target.startswith("/") or _DOTS & set(segments):
        raise Refusal(HTTPStatus.BAD_REQUEST, "the target must be a path without dots")
    named = value_of(request.headers, b"host").decode("latin-1")
    if host and named and _hostname(named) not in _LOOPBACK | {host}:
        text = "clients on this machine must use the name localhost, or its address"
        raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, text)
    names = [name for name, _ in request.headers if name in _ONCE]
    if len(names) > len(set(names)):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"one of {_SHOWN} appears twice")
    coding = value_of(request.headers, b"content-encoding").strip().lower()
    if coding not in (b"", b"identity"):
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "a compressed request cannot be recorded; send it uncompressed",
        )


def _hostname(named: str) -> str | None:
    try:
        return urlsplit(f"//{named}").hostname
    except ValueError:
        return None
