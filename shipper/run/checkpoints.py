"""Signs checkpoints while the shipper runs, and records each as an audit event."""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from shipper.config import Config
from shipper.errors import ConfigError, ShipperError
from shipper.follow.discover import scan
from shipper.follow.verified import Verified
from shipper.record.format import segment_named
from shipper.run.service import Service
from shipper.run.status import self_audit_prefix

if TYPE_CHECKING:
    from shipper.evidence.sign import Refusal, Signed
    from shipper.evidence.signer import SigningProcess

_log = logging.getLogger("shipper.run.checkpoints")

_TICK_S = 1.0
#: The longest time that the event about a changed key waits for the signer.
_CHECK_S = 30.0
#: New directories of segments are rare, and a scan reads every directory of the inputs.
_SCAN_INTERVAL_S = 10.0
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_FIELD = "mcp.audit.checkpoint"


class Checkpoints:
    """A thread that talks to the signer; does nothing without a key."""

    def __init__(self, config: Config, service: Service) -> None:
        """Starts the signer of the lines that the service delivers."""
        self._config = config
        self._self_audit = service.self_audit
        self._verified = service.verified or Verified()
        self._stop = service.stop
        self._is_stopping = False
        self._signer = self._new_signer() if config.operation.evidence.enabled else None
        self._directories: list[Path] = []
        self._scanned_s = 0.0
        self._is_failing = False
        self._unusable: ConfigError | None = None
        self._is_checked = threading.Event()

    def _new_signer(self) -> "SigningProcess":
        from shipper.evidence.sign import Rules
        from shipper.evidence.signer import Settings, SigningProcess

        settings = self._config.operation.evidence
        return SigningProcess(
            Settings(
                key=settings.key,
                command=settings.command,
                public=settings.public,
                rules=Rules(interval_s=settings.interval_s, events=settings.events),
                folder=str(self._config.data / "evidence"),
            )
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sign in a thread; at the end sign everything that is there.

        A key that cannot be used stops the service, and raises `ConfigError` at the end: no line
        waits until the signer has started.
        """
        if self._signer is None:
            yield
            return
        thread = threading.Thread(target=self._run, args=(self._signer,), name="checkpoints")
        thread.start()
        try:
            yield
        finally:
            self._is_stopping = True
            self._verified.is_many.set()
            thread.join()
            if self._unusable:
                raise self._unusable
            self._scanned_s = 0.0
            self._sign(self._signer, at_close=True)

    @contextmanager
    def ending(self, *, is_reload: bool) -> Iterator[None]:
        """At the end sign what the shipper recorded last, which no event can report.

        After a reload, raises `ConfigError` at the beginning if the key cannot be used.
        """
        if self._signer is None:
            yield
            return
        with closing(self._signer):
            if is_reload:
                self._signer.check()
            try:
                yield
            finally:
                self._self_audit = None
                if not self._unusable:
                    self._sign(self._signer, at_close=True)

    def public_key(self) -> str | None:
        """The key that signs, as soon as the signer has read it; None if it is not known."""
        if self._signer is None:
            return None
        self._is_checked.wait(_CHECK_S)
        return self._signer.public or None

    def _run(self, signer: "SigningProcess") -> None:
        try:
            signer.check()
        except ConfigError as error:
            self._unusable = error
            self._stop()
            return
        finally:
            self._is_checked.set()
        while not self._is_stopping:
            self._verified.is_many.wait(_TICK_S)
            self._sign(signer)

    def _sign(self, signer: "SigningProcess", *, at_close: bool = False) -> None:
        try:
            for one in signer.tick(self._found(), self._verified.take(), at_close=at_close):
                self._record(one)
            self._is_failing = False
        except (OSError, ShipperError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._is_failing:
            return
        self._is_failing = True
        _log.error("Checkpoints are not signed until this is fixed: %s", error)
        if self._self_audit:
            self._self_audit.event("checkpoint-failed", success=False, reason=str(error))

    def _record(self, one: "Signed | Refusal") -> None:
        from shipper.evidence.sign import Signed

        if isinstance(one, Signed):
            if self._self_audit:
                self._self_audit.checkpoint(one.last - one.first + 1, fields_of(one))
            return
        _log.error("Stream %s is not signed any more: %s", one.stream, one.why)
        if self._self_audit:
            self._self_audit.event(
                "checkpoint-refused",
                success=False,
                stream=one.stream,
                sequence=one.sequence,
                reason=one.why,
            )

    def _found(self) -> list[Path]:
        """The directories with segments, those of the inputs and the shipper's own."""
        now_s = time.monotonic()
        if not self._directories or now_s - self._scanned_s >= _SCAN_INTERVAL_S:
            self._scanned_s = now_s
            paths = (Path(found.path) for found in scan(self._config.inputs))
            found = {path.parent for path in paths if segment_named(path.name)}
            # The own stream last: its events report the checkpoints of the others.
            own = Path(self_audit_prefix(self._config))
            self._directories = [*sorted(found - {own}), own]
        return self._directories


def fields_of(one: "Signed") -> Mapping[str, object]:
    """A checkpoint as the fields of an event."""
    checkpoint = one.note.checkpoint
    found = {
        "stream": one.stream,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "note": str(one.note),
        "previous": one.previous,
        "first": one.first,
        "last": one.last,
        "segment": one.segment,
        "state": one.state.value,
        "uid": one.uid,
        "clock": _clock(int(time.monotonic() // 60)),
        "lost": one.counted.lost,
        "suppressed": one.counted.suppressed,
        "redacted": one.counted.redacted,
    }
    return {f"{_FIELD}.{name}": value for name, value in found.items() if value != ""}


@lru_cache(maxsize=1)
def _clock(_minute: int) -> str:
    """The kernel's source of time; to read it takes a millisecond."""
    try:
        return _CLOCK.read_text(encoding="ascii").strip()
    except OSError:
        return ""
