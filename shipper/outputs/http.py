"""One kept-alive HTTP/1.1 connection, with the sockets and errors of `connection`.

It uses the standard library's client, which accepts a socket that is already open and a body that
is already encoded. The Elasticsearch client's transport costs 170 ms and 31 MB to import, and
trusts the public authorities in addition to the configured ones.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from shipper.errors import ConfigError, DeliveryError, Problem, ProtocolError
from shipper.outputs.connection import Connection, mapped_errors
from shipper.outputs.hosts import is_host
from shipper.outputs.proxy import Proxy
from shipper.outputs.tls import TlsConfig

# http.client imports the email package: 20 of the 100 ms that a shipper to Logstash takes to start.
if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

#: A bulk answer has a few hundred bytes per line at worst.
_MAX_RESPONSE_BYTES = 64 << 20

#: Load balancers drop idle connections, some silently; a new one is cheap.
_IDLE_S = 15.0


class Url(Struct, frozen=True):
    """The address of a server; its text leaves out user name and password."""

    host: str
    port: int
    path: str
    is_tls: bool
    userinfo: str | None = None

    def __str__(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.host}:{self.port}{self.path}"

    def __repr__(self) -> str:
        return str(self)  # without the password


def parse_url(url: str, *, default_port: int, is_tls: bool) -> Url:
    """Read `host`, `host:port` or a URL; `is_tls` decides where the scheme is missing."""
    full = url if "://" in url else f"{'https' if is_tls else 'http'}://{url}"
    if not full.isprintable() or " " in full:  # `urlsplit` passes over a newline
        raise ConfigError([Problem("hosts", "one of them is not a URL")])
    try:
        found = urlsplit(full)
        port = found.port or default_port
    except ValueError:  # its text may hold a piece of the password
        raise ConfigError([Problem("hosts", "one of them is not a URL")]) from None
    host = found.hostname or ""
    if found.scheme not in {"http", "https"} or not is_host(host):
        raise ConfigError([Problem("hosts", "each must be a URL such as https://es.example:9200")])
    userinfo, _, _ = found.netloc.rpartition("@")
    path = found.path.rstrip("/")
    return Url(host, port, path, found.scheme == "https", unquote(userinfo) or None)


class Http:
    """A connection to one server; opened when first used, and again when it has gone stale."""

    __slots__ = ("_open", "_proxy", "_timeout_s", "_tls", "_used_at", "url")

    def __init__(
        self, url: Url, *, timeout_s: float, tls: TlsConfig | None, proxy: Proxy | None = None
    ) -> None:
        self.url, self._timeout_s, self._proxy = url, timeout_s, proxy
        self._tls = (tls or TlsConfig()) if url.is_tls else None
        self._open: tuple[HTTPConnection, Connection] | None = None
        self._used_at = 0.0

    def request(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        with self.answered(method, target, headers, body) as response:
            data = response.read(_MAX_RESPONSE_BYTES + 1)
            if len(data) > _MAX_RESPONSE_BYTES:
                raise ProtocolError(f"{self.url}: an answer of over {_MAX_RESPONSE_BYTES} bytes")
        return response.status, data

    @contextmanager
    def answered(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> "Iterator[HTTPResponse]":
        """The answer, to be read to its end within."""
        from http.client import HTTPException

        client, connection = self._connected()
        try:
            with connection.explained(), mapped_errors(str(self.url)):
                client.request(method, *self._addressed(target, body, headers))
                yield client.getresponse()
        except (HTTPException, ValueError, OverflowError) as error:  # a chunk of -5 bytes
            self.close()
            raise ProtocolError(f"{self.url}: not an HTTP answer ({error!r})") from error
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()

    def _addressed(
        self, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[str, bytes | None, dict[str, str]]:
        """Target, body and headers as the next hop wants them: a proxy reads plain HTTP itself."""
        path = self.url.path + target
        if not self._is_relayed:
            return path, body, headers
        host = f"[{self.url.host}]" if ":" in self.url.host else self.url.host
        own = self._proxy.all_headers if self._proxy else {}
        return f"http://{host}:{self.url.port}{path}", body, {**headers, **own}

    @property
    def _is_relayed(self) -> bool:
        """Whether a proxy reads the requests; otherwise it only connects us, or there is none."""
        return self._proxy is not None and self._proxy.is_http and not self.url.is_tls

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as it is known."""
        return self._open is not None

    def connect(self) -> None:
        """Open a connection, if there is no usable one."""
        self._connected()

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            client, connection = self._open
            client.close()
            connection.close()
            self._open = None

    def _connected(self) -> "tuple[HTTPConnection, Connection]":
        if self._open is None or not self._is_usable(*self._open):
            from http.client import HTTPConnection

            self.close()
            host, port = self.url.host, self.url.port
            connection = self._connect()
            client = HTTPConnection(host, port)
            # Never let the client open a socket: it would do so without TLS. (Nor does it get the
            # chance: a client without a socket is not usable.)
            client.auto_open = 0
            client.sock = connection.socket
            self._open, self._used_at = (client, connection), time.monotonic()
        return self._open

    def _connect(self) -> Connection:
        if self._proxy and self._is_relayed:
            host, port = self._proxy.host, self._proxy.port
            return Connection.connect(host, port, timeout_s=self._timeout_s, tls=None)
        host, port = self.url.host, self.url.port
        timeout_s, tls = self._timeout_s, self._tls
        return Connection.connect(host, port, timeout_s=timeout_s, tls=tls, proxy=self._proxy)

    def _is_usable(self, client: "HTTPConnection", connection: Connection) -> bool:
        if client.sock is None or time.monotonic() - self._used_at > _IDLE_S:
            return False
        try:
            return connection.receive_waiting() == b""
        except DeliveryError:
            return False
        finally:
            connection.socket.settimeout(self._timeout_s)
