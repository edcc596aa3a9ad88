"""Connections that a phase mistreats; each is served in its own thread."""

import io
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from shipper.errors import BadInput, Problem
from shipper.faults.script import Phase, Script

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How soon a waiting connection notices that it is closed, or the server.
_CHECK_S = 0.05

#: How many pieces a slow reader reads per second.
_PIECES = 10

_END_S = 20.0


class Ended(Exception):  # the phase demanded it
    """The phase has ended the connection."""


class Link(io.RawIOBase):
    """One connection, read as the current phase demands."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self.socket, self._over = connection, over
        self._phase, self._left = Phase(()), -1

    def begin(self, phase: Phase, read: int = 0) -> None:
        """Start this phase; `read` bytes of its window or request have come already."""
        self._phase = phase
        cut = phase.find("reset", "close")
        self._left = -1 if cut is None or cut.size is None else max(0, cut.size - read)
        if phase.find("half-open"):
            self.pause(None)
            raise Ended

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        if self._left == 0:
            self.end(self._phase)
        if self._left > 0:
            view = view[: self._left]
        if (slow := self._phase.find("slow")) and slow.size:
            view = view[: max(1, slow.size // _PIECES)]
            self.pause(len(view) / slow.size)
        count = self.socket.recv_into(view)
        self._left -= min(count, self._left) if self._left > 0 else 0
        return count

    def pause(self, seconds: float | None) -> None:
        """Do nothing for `seconds`; raises `Ended` if the client gives up or the server stops."""
        poll = select.poll()
        poll.register(self.socket, select.POLLRDHUP)
        until = time.monotonic() + (seconds if seconds is not None else float("inf"))
        while (left := until - time.monotonic()) > 0:
            if self._over.is_set() or poll.poll(1000 * min(left, _CHECK_S)):
                raise Ended

    def end(self, phase: Phase) -> None:
        """End the connection as the phase demands: normally, or by a reset."""
        if phase.find("reset"):
            self.abort()
        raise Ended

    def abort(self) -> None:
        """Make closing a reset: no linger, and the peer sees "connection reset"."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server listens; port 0 means any free port."""

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    #: The certificate of a `wrong-certificate` phase.
    wrong_tls: ssl.SSLContext | None = None


ANYWHERE = Place()


def tls_of(pem: Path) -> ssl.SSLContext:
    """TLS with the certificate and key in one file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pem)
    except (OSError, ssl.SSLError) as error:
        what = f"no certificate with its key ({error}); openssl req -x509 makes one"
        raise BadInput([Problem(str(pem), what)]) from error
    return context


class Server:
    """Listens on entry; on exit every connection is closed."""

    def __init__(
        self, script: Script, place: Place, report: Callable[[str], None] = lambda _: None
    ) -> None:
        """`report` is called with each phase except plain `ok`."""
        self.script, self.report, self._place = script, report, place
        host = place.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, place.port), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        #: How many connections have come, and errors that the script did not demand.
        self.connections = 0
        self.faults: list[Exception] = []
        self._open: set[socket.socket] = set()
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in tuple(self._open):
            with suppress(OSError):  # with TLS, its own `shutdown` disturbs the thread that reads
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_END_S)
            assert not thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether every connection is closed."""
        return not self._open

    def serve(self, link: Link) -> None:
        """Answer one connection to its end."""
        raise NotImplementedError

    def next_phase(self, what: str) -> Phase:
        """The next phase; raises `Ended` if it is for a new connection."""
        phase = self.script.take()
        if phase is None:
            raise Ended
        if str(phase) != "ok":
            self.report(f"{what}: {phase}")
        return phase

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                self._threads = [one for one in self._threads if one.is_alive()]
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, raw: socket.socket) -> None:
        connection = raw
        try:
            if (welcomed := self._welcome(raw)) is not None:
                connection = welcomed
                self._open.add(connection)  # with TLS, `raw` is no longer its socket
                if not self.over.is_set():
                    self.serve(Link(connection, self.over))
        except Ended:
            pass
        except Exception as fault:  # noqa: BLE001  # the server survives whatever clients do
            self.faults.append(fault)
        finally:
            connection.close()
            self._open -= {raw, connection}

    def _welcome(self, raw: socket.socket) -> socket.socket | None:
        """The connection, with TLS if configured; None if a phase has ended it."""
        phase = self.script.take(at_connection=True)
        name = phase.actions[0].name if phase else ""
        if phase:
            self.report(f"connection {self.connections}: {phase}")
        if name == "handshake":
            raw.recv(1)  # the first byte of the client's hello
        if name in {"refuse", "handshake"}:
            return None
        tls = self._place.wrong_tls if name == "wrong-certificate" else self._place.tls
        return tls.wrap_socket(raw, server_side=True) if tls else raw
