"""Questions to the endpoint of a running shipper."""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from shipper.config.operation import HttpConfig

#: A local process answers immediately, or does not run.
_TIMEOUT_S = 2.0


class _SocketFileConnection(HTTPConnection):
    """Over the socket file instead of TCP."""

    def __init__(self, file: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._file = file

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._file))


def ask(http: HttpConfig, route: str) -> tuple[int, bytes] | None:
    """Status and body of the answer; None if the endpoint does not answer."""
    connection = (
        _SocketFileConnection(http.socket_file)
        if http.socket_file
        else HTTPConnection(http.host, http.port, timeout=_TIMEOUT_S)
    )
    with closing(connection):
        try:
            connection.request("GET", route)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return None
