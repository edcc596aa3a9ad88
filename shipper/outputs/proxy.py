"""Proxies between us and a server, in Filebeat's words: `proxy_url` and what belongs to it."""

import re
import socket
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from shipper.errors import ConfigError, Problem, Refused, Unavailable
from shipper.outputs.hosts import is_host
from shipper.outputs.secret import Secret
from shipper.wire.proxy import Handshake, ProxyRefused, basic, http_connect, socks5

_DEFAULT_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}
_RECEIVE_BYTES = 4096
_HEADER = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


class ProxyConfig(Struct, frozen=True, kw_only=True):
    """The options of an output that can go through a proxy."""

    #: `http://user:password@proxy:3128` or `socks5://proxy:1080`.
    proxy_url: Secret | None = None
    #: Headers for an HTTP proxy.
    proxy_headers: Mapping[str, Secret] = field(default_factory=dict)
    #: Never use the proxy.
    proxy_disable: bool = False
    #: Resolve the names of hosts here; a SOCKS proxy resolves them otherwise.
    proxy_use_local_resolver: bool = False

    @property
    def proxy(self) -> "Proxy | None":
        """The proxy, if there is one; raises `ConfigError` if its address cannot be read."""
        if self.proxy_disable or self.proxy_url is None or not self.proxy_url.reveal():
            return None
        headers = {name: value.reveal() for name, value in self.proxy_headers.items()}
        if not all(map(_HEADER.fullmatch, (*headers, *headers.values()))):
            raise ConfigError([Problem("proxy_headers", "a value cannot stand in a header")])
        return _proxy(self.proxy_url.reveal(), headers, resolves=self.proxy_use_local_resolver)


class Proxy(Struct, frozen=True):
    """A proxy; its text leaves out user name and password."""

    scheme: str
    host: str
    port: int
    userinfo: str | None
    headers: Mapping[str, str]
    #: Whether names are resolved here.
    resolves: bool = False

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port}"

    def __repr__(self) -> str:
        return str(self)

    @property
    def is_http(self) -> bool:
        return self.scheme == "http"

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers for the proxy, with its user name and password."""
        login = {"Proxy-Authorization": basic(self.userinfo)} if self.userinfo else {}
        return {**login, **self.headers}

    def through(self, raw: socket.socket, host: str, port: int) -> None:
        """Have an open socket to the proxy connected to the host."""
        handshake = self._handshake(host, port)
        try:
            _shake_hands(raw, handshake)
        except ProxyRefused as error:
            advice = "; put user:password into proxy_url" if error.needs_login else ""
            what = f"{self} does not connect to {host}:{port}: {error}{advice}"
            raise (Refused if error.needs_login else Unavailable)(what) from error

    def _handshake(self, host: str, port: int) -> Handshake:
        if self.is_http:
            return http_connect(host, port, self.all_headers)
        if self.resolves:
            host = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        return socks5(host, port, self.userinfo)


def _shake_hands(raw: socket.socket, handshake: Handshake) -> None:
    data = next(handshake)
    while True:
        raw.sendall(data)
        received = raw.recv(_RECEIVE_BYTES)
        if not received:
            raise ProxyRefused("it closes the connection")
        try:
            data = handshake.send(received)
        except StopIteration:
            return


def _proxy(url: str, headers: Mapping[str, str], *, resolves: bool) -> Proxy:
    full = url if "://" in url else f"http://{url}"
    if not full.isprintable():  # `urlsplit` passes over a newline
        raise ConfigError([Problem("proxy_url", "is not a URL")])
    try:
        found = urlsplit(full)
        port = found.port
    except ValueError:  # its text may hold a piece of the password
        raise ConfigError([Problem("proxy_url", "is not a URL")]) from None
    host = found.hostname or ""
    if found.scheme not in _DEFAULT_PORTS or not is_host(host) or " " in full:
        what = "must be a URL such as http://proxy:3128 or socks5://proxy:1080"
        raise ConfigError([Problem("proxy_url", what)])
    userinfo = unquote(found.netloc.rpartition("@")[0]) or None
    default = _DEFAULT_PORTS[found.scheme]
    return Proxy(found.scheme, host, port or default, userinfo, headers, resolves)
