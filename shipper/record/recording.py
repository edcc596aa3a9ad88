"""What one process records in one directory: the events, their losses, and the last line.

Handlers with the same directory and settings share a recording, so a program that makes two has
one stream. It is closed at the end of the process, whatever became of its handlers.
"""

import errno
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

from msgspec import Struct
from msgspec.structs import replace

from shipper.catalog import Catalog
from shipper.catalog.model import OnFailure
from shipper.durable import make_directory
from shipper.errors import NotRecorded, ShipperError
from shipper.record.append import AuditStream, new_stream_id
from shipper.record.calls import Begun, OpenCalls, left_calls
from shipper.record.classified import Classified
from shipper.record.classify import Classifier
from shipper.record.encode import Encoder
from shipper.record.ending import at_end, at_end_of_child, ending
from shipper.record.event import Event, create_compliance_event, from_record
from shipper.record.format import CONTROL_EVENTS
from shipper.record.redact import Redactor
from shipper.record.settings import Settings
from shipper.secrets.own import declare

_log = logging.getLogger("shipper.record")


#: An open call of an ended process that nobody can read any more.
_UNREADABLE_CALL = create_compliance_event("call-lost", records=1, success=False)


#: With less space on the disk, calls that must be recorded are not made.
_LEAST_FREE_BYTES = 256 << 10

_YEAR_10000_S = 253_402_300_800

#: No fields of the record's own.
_NOTHING: Mapping[str, object] = {}


def _why(error: Exception) -> str:
    """What a caller may know: the reason, and no path."""
    known = error.strerror if isinstance(error, OSError) else None
    return f"refused, because it cannot be recorded ({known or type(error).__name__})"


class Counts(Struct):
    """What became of the events of a handler, and of those that share its stream.

    Each event is one of `recorded`, `filtered`, `failed`, `suppressed`. The events that are lost,
    `failed` and `suppressed`, are stated in the record as soon as writing works: `stated` of them
    are by now.
    """

    recorded: int = 0
    #: Of a type that is not active.
    filtered: int = 0
    #: Could not be made or written.
    failed: int = 0
    #: Held back by the configuration of the logger or of the handler.
    suppressed: int = 0
    stated: int = 0


class Recording:
    """Records events under one directory, in a stream of each process. Share it with `recording`.

    All handlers hold `lock` while they emit.
    """

    def __init__(self, directory: Path, real: Path, settings: Settings, catalog: Catalog) -> None:
        #: As named, for writing: a link in it may come to lead elsewhere. `real` is where it leads.
        self.directory = directory
        self.real = real
        self.lock = threading.RLock()
        #: The records that were written for one of several handlers in this directory.
        self.seen: WeakSet[logging.LogRecord] | None = None
        self._settings = settings
        self._catalog = catalog
        self._blocking = frozenset(
            name for name, row in catalog.event_types.items() if row.on_failure is OnFailure.BLOCK
        )
        own = catalog.secrets
        declare(own.rows(), own.names, own.allowed, own.digest_key, own.mask)
        self._redact = Redactor(catalog)
        self._start()

    def _start(self) -> None:
        """Start a stream for this process: at first, and again in each forked child."""
        self._pid = os.getpid()
        at_end_of_child(_close_all)
        #: The events to be written so far; those that are in no file failed.
        self._given = self._filtered = self._suppressed = 0
        #: Suppressed events that a line states.
        self._stated_suppressed = 0
        self._is_failing = False
        self._has_recovered = False
        stream_id = new_stream_id()
        self._calls = OpenCalls(self.directory, stream_id)
        host = os.uname().nodename
        constants = {
            **self._settings.constants,
            "host.hostname": host,
            "host.name": host,
            "related.hosts": [host],
            "mcp.audit.stream.id": stream_id,
            "process.pid": self._pid,
        }
        self._classify = Classifier(self._catalog, self._settings.scope, constants)
        controls = {
            event: self._own(create_compliance_event(event.operation)) for event in CONTROL_EVENTS
        }
        self._stream = AuditStream(
            self.directory, self._settings.policy, controls, Encoder(), stream_id
        )

    def is_of(self, real: Path, settings: Settings, catalog: Catalog) -> bool:
        """Whether a handler with these arguments may share it."""
        mine = (self.real, self._settings, self._catalog)
        return mine == (real, settings, catalog)

    def _own(self, event: Event) -> Classified:
        """An event of the record itself, ready to encode."""
        classified = self._classify(event, own=True)
        assert classified is not None
        return self._redact(classified)

    @property
    def path(self) -> Path | None:
        return self._stream.path

    @property
    def counts(self) -> Counts:
        return Counts(
            recorded=self._stream.written,
            filtered=self._filtered,
            failed=self._given - self._stream.written,
            suppressed=self._suppressed,
            stated=self._stream.stated,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Record the event of a log record, if it has one.

        Raises only `NotRecorded`, for a type with `on_failure: block`.
        """
        seen = self.seen
        if seen is not None and record in seen:
            return
        try:
            event = from_record(record)
        except Exception as error:  # noqa: BLE001 - a caller's object may raise anything
            self._in_this_process()
            self._given += 1
            self._note_failure(error)
            return
        if event is not None and self.take(event, record.created) and seen is not None:
            seen.add(record)

    def take(self, event: Event, time_s: float) -> bool:
        """Record an event; whether it is in the record now. Raises what `emit` raises."""
        before = self._given + self._filtered
        try:
            self._in_this_process()
            return self._record(event, time_s) is not None
        except Exception as error:
            if self._given + self._filtered == before:  # an event that could not be made
                self._given += 1
            self._note_failure(error)
            if self._must_be_recorded(event):
                raise NotRecorded(_why(error)) from error
            return False

    def _must_be_recorded(self, event: Event) -> bool:
        with suppress(TypeError):  # a type that is no text
            return event.type in self._blocking
        return False

    def require(self, event_type: str) -> None:
        """Raise `NotRecorded` if an event of a type that blocks could not be written now."""
        if event_type not in self._blocking:
            return
        with self.lock:
            try:
                self._in_this_process()
                if self._is_failing:
                    self._state_losses(time.time(), but=0)
                    self._is_failing = False
                self._require_space()
            except OSError as error:
                raise NotRecorded(_why(error)) from error

    def _require_space(self) -> None:
        make_directory(self.directory)
        about = os.statvfs(self.directory)
        if about.f_bavail * about.f_frsize < _LEAST_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def record(self, event: Event, time_s: float, *, own: bool = False) -> str | None:
        """Write an event and return its id, or None if its type is not active."""
        self._in_this_process()
        return self._record(event, time_s, own=own)

    def record_self_audit(self, event: Event, stated: Mapping[str, object]) -> bool:
        """Write an event of the product itself, at any level; whether it is written.

        Never raises. `stated` are fields that only the record itself writes; they are not redacted.
        """
        try:
            self._in_this_process()
            self._record(event, time.time(), own=True, stated=stated)
        except Exception as error:  # noqa: BLE001 - counted, and recorded as soon as writing works
            self._note_failure(error)
            return False
        return True

    def suppressed(self) -> None:
        """Count an event that the configuration holds back; a line will state how many."""
        self._in_this_process()
        _unfinished.add(self)
        self._suppressed += 1

    def begin(self, call: Begun) -> tuple[OpenCalls, int] | None:
        """Note that a call has begun: if the process ends before it, the next one records it."""
        if self._catalog.pseudonyms:
            call = replace(call, user=None)
        if not self._has_recovered or os.getpid() != self._pid:
            with self.lock:
                self._in_this_process()
                _unfinished.add(self)
                self._recover()
        slot = self._calls.begin(call)
        return None if slot is None else (self._calls, slot)

    def _recover(self) -> None:
        """Record the calls that ended with their process."""
        self._has_recovered = True
        try:
            for left in left_calls(self.directory):
                event = left.call.event if left.call else _UNREADABLE_CALL
                self._record_left(event, left.call.time_s if left.call else time.time())
                left.clear()
        except Exception as error:  # noqa: BLE001 - what remains is tried by the next process
            _log.warning("Calls of an ended process remain in %s: %s", self.directory, error)

    def _record_left(self, event: Event, time_s: float) -> None:
        before = self._given, self._stream.written
        try:
            self._record(event, time_s, own=event is _UNREADABLE_CALL)
        except Exception:  # not lost: it stays in its file
            self._given = before[0] + self._stream.written - before[1]
            raise

    def _in_this_process(self) -> None:
        if os.getpid() != self._pid:
            self._stream.abandon()
            self._start()

    def _record(
        self,
        event: Event,
        time_s: float,
        *,
        own: bool = False,
        stated: Mapping[str, object] = _NOTHING,
    ) -> str | None:
        if not self._has_recovered:
            self._recover()
        if not 0 <= time_s < _YEAR_10000_S:  # Elasticsearch would refuse the line
            time_s = time.time()
        classified = self._classify(event, own=own)
        if classified is None:
            self._filtered += 1
            return None
        self._given += 1  # from here on it fails unless it is in a file
        _unfinished.add(self)
        clean = self._redact(classified)
        if stated:
            clean = Classified(clean.variant, {**clean.values, **stated})
        stream = self._stream
        if stream.accounted != self._given - 1 + self._suppressed:
            self._state_losses(time_s, but=1)
        event_id = stream.append(clean, time_s)
        self._is_failing = False
        if stream.losses:
            self._state_segments(time_s)
        if ending.is_set():
            self._stream.close(time_s)
        return event_id

    def _state_losses(self, time_s: float, *, but: int) -> None:
        """Record how many events are missing so far; `but` of them are being written now."""
        self._stream.resolve()
        suppressed = self._suppressed - self._stated_suppressed
        if suppressed:
            self._state("records-suppressed", suppressed, time_s)
            self._stated_suppressed += suppressed
        stated = self._stream.stated - self._stated_suppressed
        failed = self._given - but - self._stream.written - stated
        if failed > 0:
            self._state("records-lost", failed, time_s)

    def _state_segments(self, time_s: float) -> None:
        """Record which segments were taken away while they were written."""
        while self._stream.losses:
            loss = self._stream.losses[0]
            details = {"segment": loss.number}
            event = create_compliance_event(
                "segment-missing", details=details, records=loss.records, success=False
            )
            self._stream.append(self._own(event), time_s, states=0, own=True)
            self._stream.losses.remove(loss)

    def _state(self, operation: str, records: int, time_s: float) -> None:
        event = create_compliance_event(operation, records=records, success=False)
        self._stream.append(self._own(event), time_s, states=records, own=True)

    def _note_failure(self, error: Exception) -> None:
        """Log the first failure only, until writing works again."""
        _unfinished.add(self)
        if not self._is_failing:
            self._is_failing = True
            _log.error(
                "Audit events are not recorded in %s until this is fixed: %s",
                self.directory,
                error if isinstance(error, OSError | ShipperError) else type(error).__name__,
            )

    def close(self) -> None:
        """Close the segment with its count; in a forked child, leave it to the parent."""
        try:
            if os.getpid() != self._pid:
                self._stream.abandon()
                return
            self._calls.close()
            self._state_losses(time.time(), but=0)
            self._stream.close(time.time())
            if self._stream.losses:
                self._state_segments(time.time())
                self._stream.close(time.time())
            _unfinished.discard(self)
        except Exception as error:  # noqa: BLE001 - the process is ending: log, and let it end
            _log.warning("The record in %s is not closed: %s", self.directory, error)


_recordings: WeakSet[Recording] = WeakSet()
#: Those with an open segment or an unstated loss: kept, even if their handlers are gone.
_unfinished: set[Recording] = set()
_guard = threading.Lock()


def recording(directory: Path, settings: Settings, catalog: Catalog) -> Recording:
    """The recording of these arguments in this process, made if there is none.

    A log record that two handlers in one directory get is written once, also where their settings
    differ and they cannot share a stream.
    """
    real = Path(os.path.realpath(directory))
    with _guard:
        there = [one for one in _recordings if one.real == real]
        for one in there:
            if one.is_of(real, settings, catalog):
                found = one
                break
        else:
            found = Recording(_written(directory, real), real, settings, catalog)
            _recordings.add(found)
        if there:
            seen = next((one.seen for one in there if one.seen is not None), WeakSet())
            for one in (*there, found):
                one.seen = seen
        return found


def _written(directory: Path, real: Path) -> Path:
    """The directory as it is named, so that it is where readers find it; `real` to create one."""
    named = directory.absolute()
    leads_nowhere = any(one.is_symlink() and not one.exists() for one in (named, *named.parents))
    return real if leads_nowhere else named


def _close_all() -> None:
    """Write the last line of every open segment; the next event opens another one."""
    for one in list(_unfinished):
        with one.lock:
            one.close()


at_end(_close_all)
