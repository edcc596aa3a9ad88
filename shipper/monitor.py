"""What a running shipper says of itself: /livez, /readyz, /metrics, /stats, and a line in the log.

Everything is read from the pipelines' own counters when it is asked for; nothing is kept twice.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from shipper import __version__
from shipper.config.operation import HttpConfig, MetricsConfig
from shipper.deliver.stats import State, Stats
from shipper.errors import ConfigError, Problem
from shipper.service import Service

_log = logging.getLogger("shipper.monitor")

READY = {State.IDLE, State.DELIVERING}
COUNTERS = (
    *("read_lines", "read_bytes", "batches", "filtered", "delivered", "duplicates", "diverted"),
    *("retried", "rejected", "truncated"),
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
    """The age of the oldest line that is there and not acknowledged; 0 where there is none."""
    oldest_s = stats.oldest_s
    return 0.0 if oldest_s is None else max(0.0, time.time() - oldest_s)


def counters(service: Service) -> dict[str, Any]:
    """The counters in the names of Filebeat's `/stats`, in sum, and each output's own."""
    all_stats = [pipeline.stats for pipeline in service.pipelines.values()]
    return {
        "beat": {
            "info": {
                "name": "mcp-shipper",
                "version": __version__,
                "uptime": {"ms": round((time.monotonic() - _started_s) * 1000)},
            },
            "memstats": {"rss": _resident_bytes()},
        },
        "filebeat": {"harvester": _harvester(all_stats)},
        "libbeat": _libbeat(service, all_stats),
        "outputs": {name: _own(pipeline.stats) for name, pipeline in service.pipelines.items()},
    }


def _harvester(all_stats: Sequence[Stats]) -> dict[str, int]:
    """What is followed; each output follows the same files."""
    names = {
        "open_files": "open_files",
        "running": "files",
        "started": "started",
        "closed": "closed",
        "skipped": "left_out",
    }
    return {
        name: max((getattr(stats, of) for stats in all_stats), default=0)
        for name, of in names.items()
    }


def _libbeat(service: Service, all_stats: Sequence[Stats]) -> dict[str, Any]:
    """Filebeat's names for what is the same here; `queue` is not, for there is none."""
    total = {name: sum(getattr(stats, name) for stats in all_stats) for name in COUNTERS}
    active = sum(stats.active for stats in all_stats)
    settled = total["delivered"] + total["rejected"]
    return {
        "output": {
            "type": ",".join(service.pipelines),
            "events": {
                "acked": total["delivered"],
                "active": active,
                "batches": total["batches"],
                "dead_letter": total["rejected"],
                "dropped": 0,  # never
                "duplicates": total["duplicates"],
                "failed": total["retried"],
                "failure_store": total["diverted"],
                "total": settled + total["retried"] + active,
            },
        },
        "pipeline": {
            "events": {
                "active": active,
                "dropped": 0,
                "filtered": total["filtered"],
                "published": total["read_lines"],
                "retry": total["retried"],
                "total": total["read_lines"] + total["filtered"] + active,
            }
        },
    }


def _own(stats: Stats) -> dict[str, Any]:
    """One output's counters; its instants as ages, which mean something outside."""
    values = asdict(stats)
    del values["last_ack_monotonic"], values["oldest_s"]
    acked = stats.last_ack_monotonic
    return values | {
        "state": stats.state.value,
        "last_ack_age_s": None if acked is None else round(time.monotonic() - acked, 3),
        "oldest_unacknowledged_s": round(waiting_s(stats), 3),
    }


#: Near enough to when the process began: this module is loaded at the start of `run`.
_started_s = time.monotonic()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _resident_bytes() -> int | None:
    """None where there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return None


@contextmanager
def serving(config: HttpConfig, service: Service) -> Iterator[None]:
    """The endpoint, where it is enabled, while the block runs."""
    if not config.enabled:
        yield
        return
    from shipper.endpoint import Server  # the standard library's server takes 10 ms to import

    try:
        server = Server(config, service)
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
