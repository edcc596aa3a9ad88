"""A run from start to end: signals, the log, the endpoint, a reload without loss, the last word."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from shipper.config import Config
from shipper.config.permissions import problems_of_state
from shipper.errors import BadInput, ConfigError
from shipper.follow.discover import nothing_named
from shipper.run.log import set_up_log
from shipper.run.self_audit import SelfAudit, self_audit_prefix
from shipper.run.service import Service
from shipper.run.serving import logging_counters, serving
from shipper.run.status import FileStatus, file_status
from shipper.run.systemd import feeding_watchdog, notify

_log = logging.getLogger("shipper.run")


def supervise(load: Callable[[], Config], *, once: bool) -> None:
    """Run the shipper of `load()` until SIGTERM or SIGINT; SIGHUP loads anew.

    A configuration that cannot be used ends the first start. A reload goes on with the old one,
    also where only the start of the new one tells (an address that is taken); otherwise the new
    pipelines start where the old ones stopped.
    """
    first = load()
    if problems := list(problems_of_state(first.data)):
        raise ConfigError(problems)
    set_up_log(first)
    config: Config | None = first
    before: Config | None = None
    while config:
        try:
            config, before = _run(config, load, once=once), config
        except ConfigError as error:
            if before is None:
                raise
            _refuse(error)
            config, before = before, None
    notify("STOPPING=1")


def _run(config: Config, load: Callable[[], Config], *, once: bool) -> Config | None:
    """One configuration's run; the next configuration where a reload ended it."""
    service = Service(config)
    for note in config.notes:
        _log.info("Configuration: %s.", note)
    following: list[Config] = []
    operation = config.operation
    with (
        _told(service, config, following),
        serving(operation.http, service),
        logging_counters(operation.logging.metrics, service),
        feeding_watchdog(service),
        _signals(service, load, following),
    ):
        notify("READY=1")
        if once:
            service.drain()
        else:
            service.run()
    return following[0] if following else None


@contextmanager
def _told(service: Service, config: Config, following: list[Config]) -> Iterator[None]:
    """Start and end as audit events; and, when it is the end, what is left as the last word."""
    self_audit = service.self_audit
    starting = threading.Thread(target=_tell_start, args=(self_audit, config), name="start")
    starting.start()  # beside the first batch, which need not wait for it
    try:
        yield
    finally:
        starting.join()
        left, own = _last_look(config)
        if self_audit:
            what = "shipper-reload" if following else "shipper-stop"
            self_audit.event(what, success=service.failure is None, unacknowledged_bytes=left)
            self_audit.close()
            self_audit.prune(own)
    for output, behind in () if following else left.items():
        _log.info("%s: stopped; %d bytes read or seen are not acknowledged.", output, behind)


@contextmanager
def _signals(
    service: Service, load: Callable[[], Config], following: list[Config]
) -> Iterator[None]:
    def reload(*_: object) -> None:
        try:
            following[:] = [load()]
        except BadInput as error:
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


def _refuse(error: BadInput) -> None:
    _log.error("The new configuration cannot be used, the old one goes on: %s", error)


def _tell_start(self_audit: SelfAudit | None, config: Config) -> None:
    for what in nothing_named(config.inputs):
        _log.info("Configuration: %s.", what)
    if self_audit:
        details: dict[str, Any] = {"outputs": list(config.outputs)}
        if self_audit.was_killed:
            details["previous_run"] = "killed"
        self_audit.event("shipper-start", **details)


def _last_look(config: Config) -> tuple[dict[str, int], list[FileStatus]]:
    """The bytes of the inputs that are left, so that a stop is never silent about them.

    And where the outputs are with the shipper's own events.
    """
    left, own = dict.fromkeys(config.outputs, 0), []
    prefix = self_audit_prefix(config)
    for row in file_status(config):
        if row.path.startswith(prefix):
            own.append(row)
        else:
            left[row.output] += row.behind
    return left, own
