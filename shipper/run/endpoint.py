"""The HTTP server of /livez, /readyz, /metrics and /stats.

Nothing is authenticated, so nobody may take the process's threads and descriptors: a connection
has a few seconds for its request, and the oldest is closed when there are too many.
"""

import errno
import json
import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

from shipper.config.operation import HttpConfig
from shipper.run.counters import counters, readiness
from shipper.run.server import BoundedServer
from shipper.run.service import Service

_TEXT = "text/plain"
#: How long to wait for the next bytes of a request, or of its reader.
_TIMEOUT_S = 5.0
#: Probes and scrapes are answered within milliseconds: more connections than these are idle.
_MAX_CONNECTIONS = 16


class Endpoint(BoundedServer):
    """Answers for one service, at an address or a socket file."""

    most = _MAX_CONNECTIONS
    service: Service

    def __init__(self, config: HttpConfig, service: Service) -> None:
        self.service = service
        self._bound: os.stat_result | None = None
        self._file = config.socket_file
        if self._file:
            _remove_dead(self._file)
            self.address_family = socket.AF_UNIX
            super().__init__(str(self._file), _Handler, bind_and_activate=True)
        else:
            super().__init__((config.host, config.port), _Handler)

    def server_bind(self) -> None:
        if self._file is None:
            super().server_bind()
            return
        old = os.umask(0o177)  # the file's permissions are the only authentication
        try:
            self.socket.bind(str(self._file))
            self._bound = self._file.stat()
        finally:
            os.umask(old)
        self.server_name, self.server_port = "localhost", 0

    def server_close(self) -> None:
        super().server_close()
        with suppress(FileNotFoundError):
            if self._file and self._bound and os.path.samestat(self._file.stat(), self._bound):
                self._file.unlink()


def _remove_dead(file: Path) -> None:
    """Remove a socket file that a killed process left; `OSError` if somebody answers there."""
    if not file.is_socket():  # other files stay, and binding fails
        return
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(_TIMEOUT_S)
        try:
            asked.connect(str(file))
        except ConnectionRefusedError:
            file.unlink()
        else:
            raise OSError(errno.EADDRINUSE, "another process answers there")


class _Answer(NamedTuple):
    status: HTTPStatus
    body: bytes
    kind: str = "application/json"


def _livez(service: Service) -> _Answer:
    alive = service.is_alive
    return _Answer(_status(ok=alive), b"ok\n" if alive else b"", _TEXT)


def _readyz(service: Service) -> _Answer:
    ready, body = readiness(service)
    return _Answer(_status(ok=ready), _json(body))


def _metrics(service: Service) -> _Answer:
    from shipper.run.prometheus import KIND, metrics  # imported at the first scrape

    return _Answer(HTTPStatus.OK, metrics(service), KIND)


def _stats(service: Service) -> _Answer:
    return _Answer(HTTPStatus.OK, _json(counters(service)))


_ROUTES: Mapping[str, Callable[[Service], _Answer]] = {
    "/livez": _livez,
    "/readyz": _readyz,
    "/metrics": _metrics,
    "/stats": _stats,
}


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    timeout = _TIMEOUT_S
    server_version, sys_version = "mcp-shipper", ""

    def do_GET(self) -> None:
        route = _ROUTES.get(self.path.partition("?")[0])  # people ask Filebeat for `/stats?pretty`
        answer = route(self.server.service) if route else _unknown()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Probes come every few seconds: no line for each."""


def _unknown() -> _Answer:
    known = " ".join(_ROUTES)
    return _Answer(HTTPStatus.NOT_FOUND, f"unknown; known: {known}\n".encode(), _TEXT)


def _status(*, ok: bool) -> HTTPStatus:
    return HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
