"""Sends checkpoints to the witnesses of the policy while the shipper runs."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipper.config import Config
from shipper.errors import ShipperError
from shipper.run.self_audit import SelfAudit

if TYPE_CHECKING:
    from shipper.evidence.cosign import Cosigned, Cosigning, NotWitnessed

_log = logging.getLogger("shipper.run.witnessing")

#: A witness is asked this long after a checkpoint was signed, at most.
_TICK_S = 2.0


@contextmanager
def witnessing(config: Config, self_audit: SelfAudit | None) -> Iterator[None]:
    """Ask in a thread, and once more at the end, so that the last checkpoints are witnessed."""
    cosigning = _cosigning(config) if config.operation.evidence.enabled else None
    if cosigning is None:
        yield
        return
    work = _Work(cosigning, self_audit)
    thread = threading.Thread(target=work.run, name="witnesses")
    thread.start()
    try:
        yield
    finally:
        work.is_over.set()
        thread.join()
        work.tick()


def _cosigning(config: Config) -> "Cosigning | None":
    """None if the policy names no witness that can be asked, or cannot be used."""
    from shipper.evidence.cosign import Cosigning
    from shipper.evidence.policy import read_policy
    from shipper.evidence.store import POLICY, Store

    folder = config.data / "evidence"
    try:
        policy = read_policy(folder / POLICY)
    except FileNotFoundError:
        return None
    except ShipperError as error:
        _log.error("The witnesses of the policy are not asked: %s", error)
        return None
    return Cosigning(Store(folder), policy) if policy.urls else None


class _Work:
    """The rounds, and what the log and the self-audit report of them."""

    def __init__(self, cosigning: "Cosigning", self_audit: SelfAudit | None) -> None:
        self._cosigning, self._self_audit = cosigning, self_audit
        self._failing: set[str] = set()
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(_TICK_S):
            self.tick()

    def tick(self) -> None:
        try:
            for one in self._cosigning.tick():
                self._report(one)
        except (OSError, ShipperError, ValueError) as error:
            self._fail(str(error))

    def _report(self, one: "Cosigned | NotWitnessed") -> None:
        from shipper.evidence.cosign import NotWitnessed

        if isinstance(one, NotWitnessed):
            self._fail(str(one))
        elif self._self_audit:
            self._self_audit.witnessed(one.stream, one.note)

    def _fail(self, why: str) -> None:
        """Log and record each reason once."""
        if why in self._failing:
            return
        self._failing.add(why)
        _log.error("A checkpoint is not witnessed: %s", why)
        if self._self_audit:
            self._self_audit.event("witness-failed", success=False, reason=why)
