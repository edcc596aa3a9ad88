"""The HTTP server of /livez, /readyz, /metrics and /stats."""

import json
import os
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from shipper.config.operation import HttpConfig
from shipper.run.counters import counters, readiness
from shipper.run.service import Service

_TEXT = "text/plain"


class Endpoint(ThreadingHTTPServer):
    """Answers for one service, at an address or a socket file."""

    daemon_threads = True
    service: Service

    def __init__(self, config: HttpConfig, service: Service) -> None:
        self.service = service
        self._is_bound = False
        self._file = config.socket_file
        if self._file:
            if self._file.is_socket():  # left by a process that was killed; other files stay
                self._file.unlink()
            self.address_family = socket.AF_UNIX
            super().__init__(str(self._file), _Handler, bind_and_activate=True)  # type: ignore[arg-type]  # a path is an address of AF_UNIX
        else:
            super().__init__((config.host, config.port), _Handler)

    def server_bind(self) -> None:
        if self._file is None:
            super().server_bind()
            return
        old = os.umask(0o177)  # the file's permissions are the only authentication
        try:
            self.socket.bind(str(self._file))
            self._is_bound = True
        finally:
            os.umask(old)
        self.server_name, self.server_port = "localhost", 0

    def server_close(self) -> None:
        super().server_close()
        if self._file and self._is_bound:
            self._file.unlink(missing_ok=True)


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
