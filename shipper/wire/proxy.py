"""How a client asks a proxy for a connection: CONNECT of HTTP (RFC 9110), and SOCKS 5 (RFC 1928).

A handshake is a generator: it yields bytes to send, perhaps none, and takes bytes that came. It
ends when the connection is there, and raises `ProxyRefused` when it will not be.
"""

import base64
from collections.abc import Generator, Mapping
from ipaddress import ip_address

Handshake = Generator[bytes, bytes, None]

#: An answer to CONNECT is a few headers.
_MAX_HEAD_BYTES = 64 << 10
_OK, _LOGIN_REQUIRED = 200, 407


class ProxyRefused(Exception):
    """The proxy does not connect us; `needs_login` if a user name would help."""

    def __init__(self, reason: str, *, needs_login: bool = False) -> None:
        super().__init__(reason)
        self.needs_login = needs_login


def basic(userinfo: str) -> str:
    """The value of `Proxy-Authorization` for `user:password`."""
    return f"Basic {base64.b64encode(userinfo.encode()).decode('ascii')}"


def http_connect(host: str, port: int, headers: Mapping[str, str]) -> Handshake:
    """The handshake of an HTTP proxy."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = yield "".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1")
    while b"\r\n\r\n" not in head:
        if len(head) > _MAX_HEAD_BYTES:
            raise ProxyRefused("its answer is no HTTP answer")
        head += yield b""
    status = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if not status[0].startswith(b"HTTP/") or not status[1:2] or not status[1].isdigit():
        raise ProxyRefused("its answer is no HTTP answer")
    if int(status[1]) // 100 != _OK // 100:
        code = int(status[1])
        raise ProxyRefused(f"it answers CONNECT with {code}", needs_login=code == _LOGIN_REQUIRED)


_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _LOGIN, _NEITHER = 0, 2, 0xFF
_CONNECT, _IPV4, _NAME, _IPV6 = 1, 1, 3, 4
_REPLIES = (
    *("", "a failure of its own", "its rules forbid the connection", "the network is unreachable"),
    *("the host is unreachable", "the host refuses the connection", "the way is too long"),
    *("it cannot connect", "it does not know this kind of address"),
)
_MAX_NAME_BYTES = 255


def socks5(host: str, port: int, userinfo: str | None) -> Handshake:
    """The handshake of a SOCKS proxy, which resolves the host's name."""
    stream = _Stream()
    offered = bytes([_NO_LOGIN, _LOGIN] if userinfo else [_NO_LOGIN])
    version, method = yield from stream.exactly(2, bytes([_VERSION, len(offered)]) + offered)
    if version != _VERSION or method not in {_NO_LOGIN, _LOGIN, _NEITHER}:
        raise ProxyRefused("its answer is no SOCKS 5 answer")
    if method == _NEITHER or (method == _LOGIN and not userinfo):
        raise ProxyRefused("it asks for another way to log in", needs_login=not userinfo)
    if method == _LOGIN:
        _, status = yield from stream.exactly(2, _login(userinfo or ""))
        if status:
            raise ProxyRefused("it does not accept this user name and password")
    request = bytes([_VERSION, _CONNECT, 0]) + _address(host) + port.to_bytes(2, "big")
    _, reply, _, kind = yield from stream.exactly(4, request)
    if reply:
        raise ProxyRefused(_REPLIES[reply] if reply < len(_REPLIES) else f"reply {reply}")
    sizes = {_IPV4: 4, _IPV6: 16}
    size = sizes[kind] if kind in sizes else (yield from stream.exactly(1))[0]
    yield from stream.exactly(size + 2)


class _Stream:
    """The bytes that came and were not taken yet."""

    def __init__(self) -> None:
        self._pending = b""

    def exactly(self, count: int, data: bytes = b"") -> Generator[bytes, bytes, bytes]:
        """The next `count` bytes, after `data` was sent."""
        if data:
            self._pending += yield data
        while len(self._pending) < count:
            self._pending += yield b""
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken


def _login(userinfo: str) -> bytes:
    """A user name and a password (RFC 1929)."""
    user, _, password = userinfo.partition(":")
    parts = [one.encode()[:_MAX_NAME_BYTES] for one in (user, password)]
    return bytes([_LOGIN_VERSION]) + b"".join(bytes([len(one)]) + one for one in parts)


def _address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("idna" if not host.isascii() else "ascii")
        if len(name) > _MAX_NAME_BYTES:
            raise ProxyRefused("the name of the host is too long") from None
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed  # noqa: PLR2004
