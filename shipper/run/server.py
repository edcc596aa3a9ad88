"""An HTTP server with threads, which closes the oldest connection when there are too many."""

import logging
import socket
import sys
import threading
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

_log = logging.getLogger(__name__)


class BoundedServer(ThreadingHTTPServer):
    """A server with at most `most` connections."""

    daemon_threads = True
    request_queue_size = 128
    most = 64

    def __init__(self, *arguments: Any, **more: Any) -> None:
        self._connections: dict[object, None] = {}
        self._lock = threading.Lock()
        super().__init__(*arguments, **more)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections[request] = None
            if len(self._connections) > self.most:
                oldest: Any = next(iter(self._connections))
                del self._connections[oldest]
                with suppress(OSError):  # its thread closes it, when this wakes it
                    oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # the base's
        """Log it: the base prints a traceback."""
        error = sys.exception()
        if isinstance(error, OSError):  # the other side went away, or was too slow
            _log.debug("A request ended early (%s).", error)
        else:
            _log.warning("A request failed.", exc_info=error)
