"""Running a fault server until the files have arrived, or for a given time."""

import signal
import time
from collections.abc import Callable
from threading import Event

from shipper.faults.ledger import Ledger, Report
from shipper.faults.server import Server

#: Duplicates may come after all lines are acknowledged; it waits for this time without any.
_QUIET_S = 2.0
_CHECK_S = 0.1


def watch(
    server: Server, ledger: Ledger, for_s: float | None, report: Callable[[str], None]
) -> Report:
    """Serve until all expected lines have come and none follow, for `for_s`, or until a signal."""
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    began = quiet_since = time.monotonic()
    seen = 0
    with server:
        report(f"listening on {server.address}")
        while not stopped.wait(_CHECK_S):
            now = time.monotonic()
            if for_s is not None and now - began > for_s:
                break
            if ledger.acknowledged != seen:
                seen, quiet_since = ledger.acknowledged, now
            elif now - quiet_since > _QUIET_S and ledger.is_complete:
                break
    for fault in server.faults:
        report(f"a client broke the protocol or its connection: {fault!r}")
    return ledger.report()
