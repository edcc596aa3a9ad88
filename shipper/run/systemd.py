"""Notifications for systemd: ready, stopping, and the watchdog."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from shipper.run.service import Service


@contextmanager
def feeding_watchdog(service: Service) -> Iterator[None]:
    """While the block runs, report to systemd's watchdog (WatchdogSec=) as long as all is well."""
    ended = threading.Event()
    if period_s := _watchdog_s() / 2:  # as sd_watchdog_enabled(3) advises
        work = (service, period_s, ended)
        threading.Thread(target=_feed, args=work, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _watchdog_s() -> float:
    """The watchdog's timeout; 0 if systemd does not watch this process."""
    pid = os.environ.get("WATCHDOG_PID")
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    is_watched = pid in {None, str(os.getpid())}
    return int(microseconds) / 1e6 if is_watched and microseconds.isdigit() else 0.0


def _feed(service: Service, period_s: float, ended: threading.Event) -> None:
    while not ended.wait(period_s):
        if service.is_alive:
            notify("WATCHDOG=1")


def notify(state: str) -> None:
    """Send a state such as READY=1 to systemd, if it started this process (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(state.encode(), address)
