"""Sends checkpoints to the witnesses and the time-stamp authority of the policy."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipper.config import Config
from shipper.errors import ShipperError
from shipper.run.self_audit import SelfAudit

if TYPE_CHECKING:
    from shipper.evidence.cosign import Cosigned, Cosigning
    from shipper.evidence.stamp import Stamped, Stamping

_log = logging.getLogger("shipper.run.witnessing")

#: A witness is asked this long after a checkpoint was signed, at most.
_TICK_S = 2.0


@contextmanager
def witnessing(config: Config, self_audit: SelfAudit | None) -> Iterator[None]:
    """Ask in a thread, and once more at the end, so that the last checkpoints are witnessed."""
    work = _work_of(config, self_audit) if config.operation.evidence.enabled else None
    if work is None:
        yield
        return
    thread = threading.Thread(target=work.run, name="witnesses")
    thread.start()
    try:
        yield
    finally:
        work.is_over.set()
        thread.join()
        work.tick(at_close=True)


def _work_of(config: Config, self_audit: SelfAudit | None) -> "_Work | None":
    """None if the policy names nobody that can be asked, or cannot be used."""
    from shipper.evidence.cosign import Cosigning
    from shipper.evidence.policy import read_policy
    from shipper.evidence.stamp import Stamping
    from shipper.evidence.store import POLICY, Store

    folder = config.data / "evidence"
    try:
        policy = read_policy(folder / POLICY)
    except FileNotFoundError:
        return None
    except (ShipperError, OSError, UnicodeDecodeError) as error:
        _log.error("The witnesses of the policy are not asked: %s", error)
        return None
    if not policy.urls and not policy.timestamps:
        return None
    store = Store(folder)
    return _Work(Cosigning(store, policy), Stamping(store, policy), self_audit)


class _Work:
    """The rounds, and what the log and the self-audit report of them."""

    def __init__(
        self, cosigning: "Cosigning", stamping: "Stamping", self_audit: SelfAudit | None
    ) -> None:
        self._cosigning, self._stamping, self._self_audit = cosigning, stamping, self_audit
        self._failing: set[str] = set()
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(_TICK_S):
            self.tick()

    def tick(self, *, at_close: bool = False) -> None:
        """Ask for what is due; everything that is new, if `at_close`."""
        try:
            for one in self._cosigning.tick():
                self._report(one)
            for stamp in self._stamping.tick(at_close=at_close):
                self._report(stamp)
        except (OSError, ShipperError, ValueError) as error:
            self._fail("witness-failed", str(error))

    def _report(self, one: "Cosigned | Stamped | ShipperError") -> None:
        from shipper.evidence.stamp import NotStamped, Stamped

        if isinstance(one, ShipperError):
            is_stamp = isinstance(one, NotStamped)
            self._fail("stamp-failed" if is_stamp else "witness-failed", str(one))
        elif self._self_audit:
            what = "stamped" if isinstance(one, Stamped) else "witnessed"
            self._self_audit.anchored(f"checkpoint-{what}", one.stream, one.note)

    def _fail(self, operation: str, why: str) -> None:
        """Log and record each reason once."""
        if why in self._failing:
            return
        self._failing.add(why)
        _log.error("A checkpoint has no signature of others: %s", why)
        if self._self_audit:
            self._self_audit.event(operation, success=False, reason=why)
