"""What a running shipper says of itself: /livez, /readyz, /metrics, /stats, and a line in the log.

Everything is read from the pipelines' own counters when it is asked for; nothing is kept twice.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from shipper.config.operation import HttpConfig, MetricsConfig
from shipper.deliver.stats import State, Stats
from shipper.errors import ConfigError, Problem
from shipper.service import Service

_log = logging.getLogger("shipper.monitor")

READY = {State.IDLE, State.DELIVERING}
_UNIX = "unix://"
COUNTERS = (
    *("read_lines", "read_bytes", "batches", "delivered", "duplicates", "diverted"),
    *("retried", "rejected"),
)


def readiness(service: Service) -> tuple[bool, dict[str, Any]]:
    """Whether every output takes lines, and each one's state with its oldest waiting line."""
    outputs = {
        name: {
            "state": pipeline.stats.state.value,
            "oldest_unacknowledged_s": round(waiting_s(pipeline.stats), 3),
            "error": pipeline.stats.last_error if pipeline.stats.state not in READY else "",
        }
        for name, pipeline in service.pipelines.items()
    }
    ready = all(one.stats.state in READY for one in service.pipelines.values())
    return ready, {"ready": ready, "outputs": outputs}


def waiting_s(stats: Stats) -> float:
    """How long the oldest line that was read has waited for its acknowledgement."""
    since = stats.waiting_since_monotonic
    return 0.0 if since is None else time.monotonic() - since


def counters(service: Service) -> dict[str, Any]:
    """The counters in the names of Filebeat's `/stats`, in sum, and each output's own."""
    all_stats = [pipeline.stats for pipeline in service.pipelines.values()]
    total = {name: sum(getattr(stats, name) for stats in all_stats) for name in COUNTERS}
    return {
        "libbeat": {
            "output": {
                "type": ",".join(service.pipelines),
                "events": {
                    "acked": total["delivered"],
                    "batches": total["batches"],
                    "dead_letter": total["rejected"],
                    "duplicates": total["duplicates"],
                    "failure_store": total["diverted"],
                    "toomany": total["retried"],
                    "total": total["delivered"] + total["rejected"] + total["retried"],
                },
            },
            "pipeline": {"events": {"published": total["read_lines"]}},
        },
        "filebeat": {"harvester": {"open_files": max(stats.files for stats in all_stats)}},
        "outputs": {
            name: {**asdict(pipeline.stats), "state": pipeline.stats.state.value}
            for name, pipeline in service.pipelines.items()
        },
    }


class _Server(ThreadingHTTPServer):
    """Serves one service, on an address or a socket file."""

    daemon_threads = True
    service: Service

    def __init__(self, config: HttpConfig, service: Service) -> None:
        self.service = service
        self._file = (
            Path(config.host.removeprefix(_UNIX)) if config.host.startswith(_UNIX) else None
        )
        if self._file:
            self._file.unlink(missing_ok=True)
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
        finally:
            os.umask(old)
        self.server_name, self.server_port = "localhost", 0

    def server_close(self) -> None:
        super().server_close()
        if self._file:
            self._file.unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        service = self.server.service
        match self.path:
            case "/livez":
                alive = service.is_alive
                self._answer(200 if alive else 503, b"ok\n" if alive else b"", "text/plain")
            case "/readyz":
                ready, body = readiness(service)
                self._answer(200 if ready else 503, _json(body))
            case "/metrics":
                from shipper.prometheus import KIND, metrics  # only where it is scraped

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


@contextmanager
def serving(config: HttpConfig, service: Service) -> Iterator[None]:
    """The endpoint, where it is enabled, while the block runs."""
    if not config.enabled:
        yield
        return
    try:
        server = _Server(config, service)
    except OSError as error:
        what = f"cannot listen on {config.host}:{config.port}: {error.strerror}"
        raise ConfigError([Problem("http", what)]) from error
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def logging_counters(config: MetricsConfig, service: Service) -> Iterator[None]:
    """A line in the log each period with what the counters gained, while the block runs."""
    ended = threading.Event()
    if config.enabled and config.period_s > 0:
        work = (service, config.period_s, ended)
        threading.Thread(target=_log_counters, args=work, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _log_counters(service: Service, period_s: float, ended: threading.Event) -> None:
    before: dict[str, int] = {}
    while not ended.wait(period_s):
        now = {
            f"{output}.{name}": getattr(pipeline.stats, name)
            for output, pipeline in service.pipelines.items()
            for name in COUNTERS
        }
        gained = {name: value - before.get(name, 0) for name, value in now.items()}
        before = now
        said = ", ".join(f"{name} +{value}" for name, value in gained.items() if value)
        _log.info("Last %g s: %s.", period_s, said or "nothing new")


@contextmanager
def feeding_watchdog(service: Service) -> Iterator[None]:
    """Tell systemd's watchdog that all is alive, where it asks (WatchdogSec=), in the block."""
    ended = threading.Event()
    if period_s := _watchdog_s() / 2:  # as sd_watchdog_enabled(3) advises
        work = (service, period_s, ended)
        threading.Thread(target=_feed, args=work, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watchdog_s() -> float:
    """How long systemd waits for us; 0 where it does not, or waits for another process."""
    whose = os.environ.get("WATCHDOG_PID")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    is_ours = whose in {None, str(os.getpid())}
    return int(microseconds) / 1e6 if is_ours and microseconds.isdigit() else 0.0


def _feed(service: Service, period_s: float, ended: threading.Event) -> None:
    while not ended.wait(period_s):
        if service.is_alive:
            notify("WATCHDOG=1")


def notify(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3)), that READY=1, WATCHDOG=1, STOPPING=1 …."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
