"""The server of a witness: one route, over HTTP; a reverse proxy adds TLS if it is wanted.

Nothing in a request or an answer is secret, and all of it is signed.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from shipper.durable import make_directory
from shipper.evidence.witness import Answer, Witness
from shipper.follow.registry import take_lock
from shipper.run.server import BoundedServer

_ROUTE = "/add-checkpoint"
#: A note with many signatures, and 63 lines of proof.
_MAX_BODY_BYTES = 64 << 10
_TIMEOUT_S = 10.0


class WitnessServer(BoundedServer):
    """Answers for one witness at an address."""

    def __init__(self, host: str, port: int, witness: Witness) -> None:
        self.witness = witness
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two witnesses with one key could cosign two histories."""
    make_directory(folder)
    lock = take_lock(folder / "lock")
    try:
        yield
    finally:
        os.close(lock)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    server_version, sys_version = "mcp-shipper", ""

    def do_POST(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > _MAX_BODY_BYTES:
            self.close_connection = True  # the body is not read
            self._answer(Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large\n"))
            return
        body = self.rfile.read(int(size))
        if self.path != _ROUTE:
            self._answer(Answer(HTTPStatus.NOT_FOUND, f"unknown; known: {_ROUTE}\n"))
            return
        self._answer(self.server.witness.add_checkpoint(body))

    def _answer(self, answer: Answer) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Shippers ask every minute: no line for each."""
