"""A TCP connection, with TLS if asked, on which every wait has a deadline.

The one place that converts errors of sockets and TLS: what a person must fix is `Refused`,
everything else is `Unavailable`.
"""

import random
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Self

from shipper.errors import Refused, Unavailable
from shipper.outputs.proxy import Proxy
from shipper.outputs.tls import TlsConfig, tls_context

_RECEIVE_BYTES = 64 << 10

#: Bytes that are kept after the peer has hung up.
_MAX_UNREAD_BYTES = 1 << 20

#: Alerts by which a server refuses us for good; each names the certificate or the version.
_REFUSALS = ("ALERT", "WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "HTTP_REQUEST")


class TimedOut(Unavailable):
    """Nothing happened before the deadline."""


class Disconnected(Unavailable):
    """The peer ended the connection."""


class Connection:
    """One open connection to one peer; used by one thread."""

    __slots__ = ("_peer", "_socket", "_timeout_s", "_unread")

    def __init__(self, connection: socket.socket, peer: str, timeout_s: float) -> None:
        self._socket, self._peer, self._timeout_s = connection, peer, timeout_s
        #: Came before the peer hung up while we were sending.
        self._unread = b""

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        *,
        timeout_s: float,
        tls: TlsConfig | None,
        proxy: Proxy | None = None,
    ) -> Self:
        """Connect to one of the host's addresses, IPv6 or IPv4: the first that answers.

        With a proxy, connect to that and have it connect to the host.
        """
        peer = f"{host}:{port}"
        connect = partial(reached, host, port, timeout_s, proxy)
        with mapped_errors(peer):
            context = tls_context(tls, host, port, connect) if tls else None
            raw = connect()
            try:
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                connection = context.wrap_socket(raw, server_hostname=host) if context else raw
            except BaseException:
                raw.close()
                raise
            return cls(connection, peer, timeout_s)

    @property
    def peer(self) -> str:
        """Host and port, for messages."""
        return self._peer

    @property
    def socket(self) -> socket.socket:
        """The socket itself, for a client library that reads and writes on its own."""
        return self._socket

    @property
    def security(self) -> str:
        """What protects the connection, for a person."""
        if isinstance(self._socket, ssl.SSLSocket):
            return str(self._socket.version())
        return "no TLS"

    def send(self, data: bytes) -> None:
        """Send all of `data`; the deadline starts again whenever some of it goes out.

        When the peer hangs up, bytes that it sent before are still there to receive.
        """
        view = memoryview(data)
        with self.explained(), mapped_errors(self._peer):
            self._socket.settimeout(self._timeout_s)
            while view:
                view = view[self._socket.send(view) :]

    def receive(self, timeout_s: float) -> bytes:
        """The next bytes; at least one."""
        return self._unread_bytes() or self._received(timeout_s)

    def receive_waiting(self) -> bytes:
        """The bytes that have come already, perhaps none; raises if the connection is closed."""
        with suppress(TimedOut):
            return self.receive(0)
        return b""

    def _unread_bytes(self) -> bytes:
        data, self._unread = self._unread, b""
        return data

    def _received(self, timeout_s: float) -> bytes:
        with mapped_errors(self._peer):
            self._socket.settimeout(timeout_s)
            data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise Disconnected(f"{self._peer} closed the connection")
        return data

    @contextmanager
    def explained(self) -> Iterator[None]:
        """If the connection ends within, raise the refusal that the peer may have sent first.

        In TLS 1.3 a server checks our certificate after we have started to send; its alert then
        waits to be read behind a write that fails.
        """
        try:
            yield
        except Disconnected:
            with suppress(TimedOut, Disconnected):
                while self._socket.fileno() >= 0 and len(self._unread) < _MAX_UNREAD_BYTES:
                    self._unread += self._received(0)
            raise

    def close(self) -> None:
        """Close immediately; lines without an acknowledgement count as not sent."""
        self._socket.close()


def reached(host: str, port: int, timeout_s: float, proxy: Proxy | None) -> socket.socket:
    """A connection to the host, through the proxy if there is one."""
    if proxy is None:
        return _any_address(host, port, timeout_s)
    with mapped_errors(str(proxy)):
        raw = _any_address(proxy.host, proxy.port, timeout_s)
        try:
            proxy.through(raw, host, port)
        except BaseException:
            raw.close()
            raise
    return raw


def _any_address(host: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to one of the addresses that the name has now, in any order.

    A name with many addresses stands for many servers: taken in order, all would get the first.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    random.shuffle(found)
    for family, kind, protocol, _, address in found[:-1]:
        with suppress(OSError):
            return _connected(socket.socket(family, kind, protocol), address, timeout_s)
    family, kind, protocol, _, address = found[-1]
    return _connected(socket.socket(family, kind, protocol), address, timeout_s)


def _connected(raw: socket.socket, address: tuple[Any, ...], timeout_s: float) -> socket.socket:
    try:
        raw.settimeout(timeout_s)
        raw.connect(address)
    except BaseException:
        raw.close()
        raise
    return raw


@contextmanager
def mapped_errors(peer: str) -> Iterator[None]:
    """Convert errors of sockets and TLS; messages name the peer and what to do."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{peer}: its certificate is not trusted ({error.verify_message}); check "
            "ssl.certificate_authorities, and that hosts names it as its certificate does"
        ) from error
    except (BlockingIOError, ssl.SSLWantReadError, TimeoutError) as error:
        raise TimedOut(f"{peer}: no answer in time") from error
    except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as error:
        raise Disconnected(f"{peer} closed the connection ({error})") from error
    except ssl.SSLError as error:
        if any(word in str(error.reason) for word in _REFUSALS):
            raise Refused(
                f"{peer} refuses this TLS connection ({error.reason}); check ssl.certificate "
                "and ssl.key if it asks for one, and that it speaks TLS there, 1.2 or newer"
            ) from error
        raise Unavailable(f"{peer}: TLS failed ({error})") from error
    except socket.gaierror as error:
        raise Unavailable(f"{peer}: the name cannot be resolved ({error.strerror})") from error
    except OSError as error:
        raise Unavailable(f"{peer}: {error.strerror or error}") from error
