"""A proxy that cuts connections between a shipper and a real server by a script."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from shipper.faults.script import Phase, Script
from shipper.faults.server import ANYWHERE, Ended, Link, Place, Server

#: The phases that `random` draws from: most of them end the connection early.
POOL = """
4x ok; reset at 10; reset at 5k; reset at 100k; reset at 1M; close at 3k; close at 300k; close at 2M
cut 0; cut 3; cut 6; cut 100; silence 300ms; slow 1M; refuse
"""

_READ_BYTES = 64 << 10


class ProxyServer(Server):
    """Passes bytes on, both ways; counts no lines."""

    def __init__(
        self,
        script: Script,
        to: tuple[str, int],
        *,
        place: Place = ANYWHERE,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(script, place, report)
        self._to = to

    def serve(self, link: Link) -> None:
        phase = self.next_phase(f"connection {self.connections}")
        if silence := phase.find("silence"):
            link.pause(silence.seconds)
        link.begin(phase)
        with socket.create_connection(self._to) as server:
            back = threading.Thread(target=self._back, args=(server, link, phase))
            back.start()
            try:
                self._forth(link, server)
            finally:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                back.join()

    def _forth(self, link: Link, server: socket.socket) -> None:
        while data := link.read(_READ_BYTES):
            server.sendall(data)

    def _back(self, server: socket.socket, link: Link, phase: Phase) -> None:
        cut = phase.find("cut")
        left = cut.size if cut else None
        with suppress(OSError, Ended):
            while data := server.recv(_READ_BYTES):
                link.socket.sendall(data[:left])
                if left is not None and (left := left - len(data)) <= 0:
                    link.abort()
                    break
        with suppress(OSError):
            link.socket.shutdown(socket.SHUT_RDWR)
