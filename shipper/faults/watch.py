"""Running a fault server until the files have arrived, or for so long."""

import signal
import time
from collections.abc import Callable
from threading import Event

from shipper.faults.ledger import Ledger, Report
from shipper.faults.server import Server

#: When all is acknowledged, duplicates may still come: so long nothing must have.
_QUIET_S = 2.0
_LOOK_S = 0.1


def watch(
    server: Server, ledger: Ledger, for_s: float | None, tell: Callable[[str], None]
) -> Report:
    """Serve until all that is expected has come and nothing follows, until `for_s`, or a signal."""
    told = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    began = quiet_since = time.monotonic()
    seen = 0
    with server:
        tell(f"listening on {server.address}")
        while not told.wait(_LOOK_S):
            now = time.monotonic()
            if for_s is not None and now - began > for_s:
                break
            if ledger.acknowledged != seen:
                seen, quiet_since = ledger.acknowledged, now
            elif now - quiet_since > _QUIET_S and ledger.is_complete:
                break
    for fault in server.faults:
        tell(f"a client broke the protocol or its connection: {fault!r}")
    return ledger.report()
