"""One kept-alive HTTP/1.1 connection, on the sockets and errors of `stream`.

The standard library's client, because it takes a socket that we have opened and bytes that we
have encoded: the Elasticsearch client's transport costs 170 ms and 31 MB to import, and adds the
public authorities to those that the user trusts.
"""

import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from shipper.errors import ConfigError, DeliveryError, Problem, ProtocolError
from shipper.outputs.connection import Stream, mapped_errors
from shipper.outputs.tls import TlsConfig

# http.client brings the email package: 20 of the 100 ms that a shipper to Logstash takes to start.
if TYPE_CHECKING:
    from http.client import HTTPConnection

#: A bulk answer has some hundred bytes a line at worst.
_MAX_RESPONSE_BYTES = 64 << 20

#: Load balancers drop idle connections, some without a word; a fresh one is cheap.
_IDLE_S = 15.0


class Node(Struct, frozen=True):
    """Where a server is, as a URL says it."""

    host: str
    port: int
    path: str
    is_tls: bool
    userinfo: str | None = None

    def __str__(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://{self.host}:{self.port}{self.path}"

    def __repr__(self) -> str:
        return str(self)  # without the password


def parse_node(url: str, *, default_port: int, is_tls: bool) -> Node:
    """Read `host`, `host:port` or a URL; `is_tls` is for those that do not say."""
    full = url if "://" in url else f"{'https' if is_tls else 'http'}://{url}"
    try:
        found = urlsplit(full)
        port = found.port or default_port
    except ValueError:  # its text may hold a piece of the password
        raise ConfigError([Problem("hosts", "one of them is not a URL")]) from None
    if found.scheme not in {"http", "https"} or not found.hostname:
        raise ConfigError([Problem("hosts", "each must be a URL such as https://es.example:9200")])
    userinfo, _, _ = found.netloc.rpartition("@")
    path = found.path.rstrip("/")
    return Node(found.hostname, port, path, found.scheme == "https", unquote(userinfo) or None)


class Http:
    """A connection to one node; opened when first used, and again when it has gone stale."""

    __slots__ = ("_connection", "_node", "_timeout_s", "_tls", "_used_at")

    def __init__(self, node: Node, *, timeout_s: float, tls: TlsConfig | None) -> None:
        self._node, self._timeout_s = node, timeout_s
        self._tls = (tls or TlsConfig()) if node.is_tls else None
        self._connection: tuple[HTTPConnection, Stream] | None = None
        self._used_at = 0.0

    def request(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """Status and body of the answer."""
        from http.client import HTTPException

        client, stream = self._connected()
        try:
            with stream.explained(), mapped_errors(str(self._node)):
                client.request(method, self._node.path + target, body, headers)
                response = client.getresponse()
                data = response.read(_MAX_RESPONSE_BYTES + 1)
        except HTTPException as error:
            self.close()
            raise ProtocolError(f"{self._node}: not an HTTP answer ({error!r})") from error
        except BaseException:
            self.close()
            raise
        if len(data) > _MAX_RESPONSE_BYTES:
            self.close()
            raise ProtocolError(f"{self._node}: an answer of over {_MAX_RESPONSE_BYTES} bytes")
        self._used_at = time.monotonic()
        return response.status, data

    @property
    def node(self) -> Node:
        """Where it goes."""
        return self._node

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, as far as it is known."""
        return self._connection is not None

    def connect(self) -> None:
        """See that there is a connection that will do."""
        self._connected()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            client, stream = self._connection
            client.close()
            stream.close()
            self._connection = None

    def _connected(self) -> "tuple[HTTPConnection, Stream]":
        if self._connection is None or not self._is_usable(*self._connection):
            from http.client import HTTPConnection

            self.close()
            node = self._node
            stream = Stream.connect(node.host, node.port, timeout_s=self._timeout_s, tls=self._tls)
            client = HTTPConnection(node.host, node.port)
            # The client would open a connection of its own, without TLS, when the server has
            # closed this one.
            client.auto_open = 0
            client.sock = stream.socket
            self._connection = client, stream
        return self._connection

    def _is_usable(self, client: "HTTPConnection", stream: Stream) -> bool:
        if client.sock is None or time.monotonic() - self._used_at > _IDLE_S:
            return False
        try:
            return stream.receive_waiting() == b""
        except DeliveryError:
            return False
        finally:
            stream.socket.settimeout(self._timeout_s)
