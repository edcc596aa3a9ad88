"""The HTTP server of /livez, /readyz, /metrics and /stats."""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from shipper.config.operation import HttpConfig
from shipper.run.counters import counters, readiness
from shipper.run.service import Service

_UNIX = "unix://"


class Server(ThreadingHTTPServer):
    """Serves one service, on an address or a socket file."""

    daemon_threads = True
    service: Service

    def __init__(self, config: HttpConfig, service: Service) -> None:
        self.service = service
        self._is_bound = False
        self._file = (
            Path(config.host.removeprefix(_UNIX)) if config.host.startswith(_UNIX) else None
        )
        if self._file:
            if self._file.is_socket():  # of one that was killed; never somebody's file
                self._file.unlink()
            self.address_family = socket.AF_UNIX
            super().__init__(str(self._file), _Handler, bind_and_activate=True)  # type: ignore[arg-type]  # a path is an address of AF_UNIX
        else:
            super().__init__((config.host, config.port), _Handler)

    def server_bind(self) -> None:
        if self._file is None:
            super().server_bind()
            return
        old = os.umask(0o177)  # the file's permissions are all the authentication there is
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


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        service = self.server.service
        match self.path.partition("?")[0]:  # `/stats?pretty`, as people ask Filebeat
            case "/livez":
                alive = service.is_alive
                self._answer(200 if alive else 503, b"ok\n" if alive else b"", "text/plain")
            case "/readyz":
                ready, body = readiness(service)
                self._answer(200 if ready else 503, _json(body))
            case "/metrics":
                from shipper.run.prometheus import KIND, metrics  # only where it is scraped

                self._answer(200, metrics(service), KIND)
            case "/stats":
                self._answer(200, _json(counters(service)))
            case _:
                known = "/livez /readyz /metrics /stats"
                self._answer(404, f"unknown; known: {known}\n".encode(), "text/plain")

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Probes come every few seconds: no line for each."""


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
