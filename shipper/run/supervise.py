"""The running process from start to end: signals, log, endpoint, reload without loss."""

import logging
import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shipper import __version__
from shipper.config import Config
from shipper.config.permissions import problem_of
from shipper.deliver.dead_letters import dead_letters_folder
from shipper.deliver.stats import Stats
from shipper.errors import ConfigError, Problem, ShipperError, Stopped
from shipper.follow.discover import nothing_named
from shipper.follow.registry import take_lock
from shipper.run.checkpoints import Checkpoints
from shipper.run.log import set_up_log
from shipper.run.risks import risks
from shipper.run.self_audit import SelfAudit
from shipper.run.service import Service
from shipper.run.serving import logging_counters, serving
from shipper.run.settings import keep_settled, owner_of, read_settled, settled
from shipper.run.status import FileStatus, file_status, self_audit_prefix
from shipper.run.systemd import feeding_watchdog, notify
from shipper.run.witnessing import witnessing
from shipper.shown import shown

_log = logging.getLogger("shipper.run")


def supervise(load: Callable[[], Config], *, once: bool, file: Path | None = None) -> None:
    """Run the shipper of `load()` until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    `file` is the configuration file, for the log.

    Raises `ConfigError` if the first configuration cannot be used. A reload keeps the old
    configuration if the new one is invalid or fails at its start (an address in use), whatever it
    raises. Otherwise the new pipelines start where the old ones stopped.
    """
    config: Config | None = load()
    before: Config | None = None
    has_log = False
    while config:
        service: Service | None = None
        try:
            with _claimed(config.data):
                if not has_log:
                    set_up_log(config)
                    has_log = True
                _log.info("%s.", _started(config, file))
                service = Service(config)
                following = _run(service, config, load, once=once, is_reload=before is not None)
                config, before = following, config
        except Exception as error:
            if before is None or (service and service.has_started):
                raise
            _refuse(error)
            config, before = before, None
    notify("STOPPING=1")


def _started(config: Config, file: Path | None) -> str:
    """The first line of the log: the version, and from where to where it ships."""
    paths = [
        "standard input" if one.is_stdin else shown(path)
        for one in config.inputs
        for path in one.paths
    ]
    more = f" and {len(paths) - _MAX_PATHS} more" if len(paths) > _MAX_PATHS else ""
    return (
        f"mcp-shipper {__version__} with {file or 'no configuration file'}: from "
        f"{', '.join(paths[:_MAX_PATHS])}{more} to {', '.join(config.outputs) or 'no output'}; "
        f"positions in {config.data}"
    )


_MAX_PATHS = 5


@contextmanager
def _claimed(data: Path) -> Iterator[None]:
    """Hold the lock of `path.data`, before anything in it is touched."""
    if problems := list(problems_of_state(data)):
        raise ConfigError(problems)
    lock = take_lock(data / "mcp-shipper.lock")
    try:
        yield
    finally:
        os.close(lock)


def problems_of_state(data: Path) -> Iterator[Problem]:
    """Problems of positions and dead letters: whoever can write them decides what is shipped.

    In a directory that others can write, they can also be taken away, sticky or not.
    """
    if problem := problem_of(data, forbidden=stat.S_IWOTH):
        yield problem
    for folder in (data / "registry", dead_letters_folder(data)):
        for path in (folder, *sorted(folder.glob("*.ndjson"))):
            # A volume with fsGroup gives its group every right again at each start.
            if problem := problem_of(path, forbidden=stat.S_IWOTH):
                yield problem


def _run(
    service: Service, config: Config, load: Callable[[], Config], *, once: bool, is_reload: bool
) -> Config | None:
    """Run one configuration; returns the next one if a reload ended the run."""
    for note in config.notes:
        _log.info("Configuration: %s.", note)
    for risk in risks(config):
        _log.warning("Configuration: %s.", risk)
    reloaded: list[Config] = []
    operation = config.operation
    checkpoints = Checkpoints(config, service)
    with (
        checkpoints.ending(is_reload=is_reload),
        _recorded(service, config, reloaded, checkpoints),
        witnessing(config, service.self_audit),
        checkpoints.running(),
        serving(operation.http, service),
        logging_counters(operation.logging.metrics, service),
        feeding_watchdog(service),
        _signals(service, load, reloaded),
    ):
        notify("READY=1")
        if once:
            try:
                service.drain()
            except Stopped:
                if not reloaded:
                    raise
        else:
            service.run()
    return reloaded[0] if reloaded else None


@contextmanager
def _recorded(
    service: Service, config: Config, reloaded: list[Config], checkpoints: Checkpoints
) -> Iterator[None]:
    """Record the start and the end as audit events; log what a stop leaves unacknowledged."""
    self_audit = service.self_audit
    starting = threading.Thread(
        target=_record_start, args=(self_audit, config, checkpoints), name="start"
    )
    starting.start()  # concurrently: the first batch need not wait for it
    try:
        yield
    finally:
        starting.join()
        unacknowledged, own_files = _final_status(config)
        if self_audit:
            what = "shipper-reload" if reloaded else "shipper-stop"
            succeeded = service.failure is None and not service.incomplete
            self_audit.event(what, success=succeeded, unacknowledged_bytes=unacknowledged)
            self_audit.close()
            if not config.operation.evidence.enabled:  # signed events stay until `prune`
                self_audit.prune(own_files)
    for output, behind in () if reloaded else unacknowledged.items():
        _log.info("%s.", _stopped(output, service.pipelines[output].stats, behind))


def _stopped(output: str, stats: Stats, behind: int) -> str:
    """The last line of the log for an output: what this run did, and what it leaves."""
    rest = f"{behind:,} bytes are not acknowledged; the next start sends them"
    done = f"{stats.delivered:,} lines delivered, {stats.rejected:,} dead letters"
    return f"Output {output} stopped: {done}; {rest if behind else 'nothing is left to send'}"


@contextmanager
def _signals(
    service: Service, load: Callable[[], Config], reloaded: list[Config]
) -> Iterator[None]:
    def reload(*_: object) -> None:
        try:
            reloaded[:] = [load()]
        except Exception as error:  # noqa: BLE001 - whatever it is, the run goes on
            _refuse(error)
            return
        notify("RELOADING=1")
        _log.info("Reloading the configuration.")
        service.stop()

    handlers = {
        signal.SIGTERM: lambda *_: service.stop(),
        signal.SIGINT: lambda *_: service.stop(),
        signal.SIGHUP: reload,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse(error: Exception) -> None:
    what = error if isinstance(error, ShipperError) else f"{type(error).__name__}: {error}"
    _log.error("Cannot use the new configuration; keeping the old one: %s", what)


def _record_start(self_audit: SelfAudit | None, config: Config, checkpoints: Checkpoints) -> None:
    for what in nothing_named(config.inputs):
        _log.info("Configuration: %s.", what)
    if self_audit:
        details: dict[str, Any] = {"outputs": list(config.outputs)}
        if self_audit.was_killed:
            details["previous_run"] = "killed"
        self_audit.event("shipper-start", **details)
        _record_settings(self_audit, config, checkpoints.public_key())


def _record_settings(self_audit: SelfAudit, config: Config, signer: str | None) -> None:
    """Record which settings are other ones than in the last run."""
    before = read_settled(config.data)
    now = settled(config, signer, before)
    if now == before:
        return
    changes = now.changes(before) if before else {}
    for operation, facts in now.weaknesses(before) if before else ():
        self_audit.event(operation, **facts)
    try:
        if changes:
            file = config.settings.file
            self_audit.settings({"file": file, **changes}, owner_of(file))
        keep_settled(config.data, now)
    except OSError as error:
        _log.error("The settings cannot be kept, so a change is recorded again: %s", error)


def _final_status(config: Config) -> tuple[dict[str, int], list[FileStatus]]:
    """The unacknowledged bytes of the inputs for each output, and the files of the self-audit."""
    unacknowledged: dict[str, int] = dict.fromkeys(config.outputs, 0)
    own_files: list[FileStatus] = []
    prefix = self_audit_prefix(config)
    for row in file_status(config):
        if row.path.startswith(prefix):
            own_files.append(row)
        else:
            unacknowledged[row.output] += row.behind
    return unacknowledged, own_files
