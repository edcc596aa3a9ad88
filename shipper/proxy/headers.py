"""The changes that a proxy makes to the headers that it passes on (RFC 9110, 7.6)."""

from collections.abc import Iterable

from shipper.proxy.routes import Route

Headers = list[tuple[bytes, bytes]]
#: They concern one connection, whether `Connection` names them or not.
_OF_CONNECTION = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade")
)
#: The proxy sets these: a server may believe them.
_OF_PROXY = frozenset(
    (b"accept-encoding", b"host", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto")
)
_CHUNKED = (b"Transfer-Encoding", b"chunked")
_VIA = (b"Via", b"1.1 mcp-shipper")


def value_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The values of a header, by its lower-case name, joined; empty if there is none."""
    return b", ".join(value for key, value in headers if key.lower() == name)


def _is_chunked(headers: Headers) -> bool:
    return value_of(headers, b"transfer-encoding").lower() == b"chunked"


def asked(headers: Headers, route: Route, peer: str, scheme: str) -> Headers:
    """The headers of a request to the server.

    Its answer is to come without compression, so that the record can read it. `Host` is the
    server's, as its certificate is; `X-Forwarded-…` are the client's address, host and scheme.
    """
    came_for = value_of(headers, b"x-forwarded-for")
    return [
        (b"Host", route.authority.encode()),
        *_kept(headers, _OF_PROXY),
        (b"Accept-Encoding", b"identity"),
        (b"X-Forwarded-For", b", ".join(filter(None, (came_for, peer.encode())))),
        (b"X-Forwarded-Host", value_of(headers, b"host")),
        (b"X-Forwarded-Proto", scheme.encode()),
        _VIA,
    ]


def answered(headers: Headers, route: Route) -> Headers:
    """The headers of an answer to the client: a redirection leads to the proxy again."""
    return [
        (name, _location(route, value) if name.lower() == b"location" else value)
        for name, value in _kept(headers)
    ]


def hidden(headers: Headers) -> frozenset[bytes]:
    """The names of headers that concern this connection alone."""
    named = value_of(headers, b"connection").lower().split(b",")
    return _OF_CONNECTION | {name.strip() for name in named}


def _kept(headers: Headers, without: frozenset[bytes] = frozenset()) -> Headers:
    """The headers that are for the other end, and how the body is framed."""
    dropped = hidden(headers) | without
    chunked = _is_chunked(headers)
    if chunked:  # the length is then wrong, or a trap (RFC 9112, 6.3)
        dropped |= {b"content-length"}
    else:
        dropped -= {b"content-length"}
    kept = [(name, value) for name, value in headers if name.lower() not in dropped]
    return [*kept, _CHUNKED] if chunked else kept


def _location(route: Route, value: bytes) -> bytes:
    return route.location(value.decode("latin-1")).encode("latin-1")
