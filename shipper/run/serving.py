"""Serves the endpoint while the shipper runs, and writes its counters to the log.

Both read the counters of the pipelines when they need them; no copy is kept.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shipper.config.operation import HttpConfig, MetricsConfig
from shipper.deliver.stats import TROUBLES
from shipper.errors import ConfigError, Problem
from shipper.run.counters import COUNTERS
from shipper.run.service import Service

_log = logging.getLogger(__name__)


@contextmanager
def serving(config: HttpConfig, service: Service) -> Iterator[None]:
    """Serve the endpoint, if it is enabled, while the block runs."""
    if not config.enabled:
        yield
        return
    from shipper.run.endpoint import Endpoint  # takes 10 ms to import

    try:
        endpoint = Endpoint(config, service)
    except OSError as error:
        what = f"cannot listen on {config.address}: {error.strerror or error}"
        raise ConfigError([Problem("http", what)]) from error
    threading.Thread(target=endpoint.serve_forever, name="http", daemon=True).start()
    try:
        yield
    finally:
        endpoint.shutdown()
        endpoint.server_close()


@contextmanager
def logging_counters(config: MetricsConfig, service: Service) -> Iterator[None]:
    """Log a line each period with the increase of each counter, while the block runs."""
    ended = threading.Event()
    if config.enabled and config.period_s > 0:
        work = (service, config.period_s, ended)
        threading.Thread(target=_log_counters, args=work, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _log_counters(service: Service, period_s: float, ended: threading.Event) -> None:
    before: dict[str, int] = {}
    while not ended.wait(period_s):
        now = {
            f"{output}.{name}": getattr(pipeline.stats, name)
            for output, pipeline in service.pipelines.items()
            for name in COUNTERS
        }
        gained = {name: value - before.get(name, 0) for name, value in now.items()}
        before = now
        said = ", ".join(f"{name} +{value}" for name, value in gained.items() if value)
        _log.info("Last %g s: %s.", period_s, said or "nothing new")
        for output, pipeline in service.pipelines.items():
            if pipeline.stats.state in TROUBLES:
                what = pipeline.stats.state.value, pipeline.stats.last_error
                _log.warning("Output %s is still %s: %s.", output, *what)
