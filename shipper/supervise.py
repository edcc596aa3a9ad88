"""A run from start to end: signals, the log, the endpoint, a reload without loss, the last word."""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shipper.config import Config
from shipper.errors import BadInput
from shipper.memory import keep_memory
from shipper.monitor import feeding_watchdog, logging_counters, notify, serving
from shipper.record.formatter import EcsFormatter
from shipper.service import Service, status

_log = logging.getLogger("shipper.run")


def supervise(load: Callable[[], Config], *, once: bool) -> None:
    """Run the shipper of `load()` until SIGTERM or SIGINT; SIGHUP loads anew.

    A configuration that cannot be used ends the first start and is ignored by a reload, which
    then goes on with the old one. A reload starts the new pipelines where the old ones stopped.
    """
    keep_memory()
    first = load()
    _set_up_log(first)
    config: Config | None = first
    while config:
        config = _run(config, load, once=once)
    notify("STOPPING=1")


def _run(config: Config, load: Callable[[], Config], *, once: bool) -> Config | None:
    """One configuration's run; the next configuration where a reload ended it."""
    service = Service(config)
    following: list[Config] = []
    operation = config.operation
    with (
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
    if following:
        return following[0]
    _say_last_word(config)
    return None


@contextmanager
def _signals(
    service: Service, load: Callable[[], Config], following: list[Config]
) -> Iterator[None]:
    def reload(*_: object) -> None:
        try:
            following[:] = [load()]
        except BadInput as error:
            _log.error("The new configuration cannot be used, the old one goes on: %s", error)
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


def _set_up_log(config: Config) -> None:
    """ECS lines for whoever collects them; plain words for a person at a terminal."""
    handler = logging.StreamHandler()
    if not sys.stderr.isatty():
        handler.setFormatter(EcsFormatter(service_name="mcp-shipper"))
    logging.basicConfig(level=config.operation.logging.level.upper(), handlers=[handler])


def _say_last_word(config: Config) -> None:
    """What is left, output by output, so that a stop is never silent about it."""
    for name in config.outputs:
        left = sum(row.behind for row in status(config) if row.output == name)
        _log.info("%s: stopped; %d bytes read or seen are not acknowledged.", name, left)
