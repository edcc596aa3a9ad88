"""Records what passes in a thread of its own: the traffic waits neither for a disk nor for JSON."""

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Self

from shipper.capture.emit import attempt, open_logger
from shipper.record.event import create_compliance_event
from shipper.record.handler import AuditHandler
from shipper.record.logger import audit_logger

#: Bytes of messages that wait for the thread; more are left out, and counted in the record.
_MAX_HELD = 8 << 20
_Step = Callable[[], object]


class Recorder:
    """The thread, with the handler of its record. Steps are taken in order; none may raise."""

    def __init__(self, handler: AuditHandler) -> None:
        self._handler = handler
        self._steps: SimpleQueue[tuple[_Step, int] | None] = SimpleQueue()
        self._put = self._taken = self._left_out = 0  # each is written by one thread only
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        audit_logger().addHandler(self._handler)
        open_logger()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._state_loss()
        self._steps.put(None)
        self._thread.join()
        audit_logger().removeHandler(self._handler)
        self._handler.close()

    def put(self, step: _Step, size: int = 0) -> None:
        """Have a step taken, in the order of the calls; without it if `size` bytes are too many."""
        if size and self._put - self._taken + size > _MAX_HELD:
            self._left_out += 1
            return
        self._state_loss()
        self._put += size
        self._steps.put((step, size))

    def _state_loss(self) -> None:
        if self._left_out:
            event = create_compliance_event("records-lost", records=self._left_out, success=False)
            self._left_out = 0
            self._steps.put((partial(self._handler.record_self_audit, event), 0))

    def _run(self) -> None:
        while (found := self._steps.get()) is not None:
            step, size = found
            attempt(step)
            self._taken += size
