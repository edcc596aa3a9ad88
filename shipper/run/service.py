"""The only place where things are wired: configuration to pipelines, pipelines to threads."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from msgspec.structs import replace

from shipper.config import Config
from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.deliver.spool import Spool
from shipper.errors import ConfigError, Problem, ShipperError
from shipper.follow.deletions import Deletions
from shipper.outputs import OUTPUTS
from shipper.outputs.base import Output
from shipper.run.self_audit import SelfAudit, self_audit_of
from shipper.run.status import settled_files

_log = logging.getLogger("shipper.run.service")


class Service:
    """The shipper of one configuration: a pipeline and a thread for each output."""

    def __init__(self, config: Config) -> None:
        if not config.outputs:
            what = f"nothing to ship to; configure one of: {', '.join(OUTPUTS)}"
            raise ConfigError([Problem("output", what)])
        self.self_audit = self_audit_of(config)
        deletions = Deletions(config.outputs)
        self.pipelines = {
            name: _pipeline(name, output, config, self.self_audit, deletions)
            for name, output in outputs_of(config).items()
        }
        self._spool = spool_of(config)
        self.failure: Exception | None = None
        self._patience_s = config.operation.shutdown_timeout_s
        self._threads: list[threading.Thread] = []
        self._ended = threading.Semaphore(0)
        self._deadline: float | None = None

    def run(self) -> None:
        """Follow the inputs until `stop`; raises what stopped a pipeline for good."""
        with _spooling(self._spool):
            self._each(lambda pipeline: pipeline.run())

    def drain(self) -> None:
        """Deliver all that is there now, and standard input to its end, then return."""
        with _spooling(self._spool) as is_over:
            self._each(lambda pipeline: pipeline.drain(is_over))

    def stop(self) -> None:
        """From any thread or signal handler; what is not settled is not committed."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._patience_s
        for pipeline in self.pipelines.values():
            pipeline.stop()

    @property
    def is_alive(self) -> bool:
        """Whether every pipeline has its thread; an output that is away is no matter here."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def _each(self, work: Callable[[Pipeline], None]) -> None:
        for name, pipeline in self.pipelines.items():
            guard = (work, pipeline)
            # Daemons, so that a send that hangs beyond the deadline does not keep the process.
            thread = threading.Thread(target=self._guard, args=guard, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        for _ in self.pipelines:
            if not self._wait_for_one():
                _log.warning("Stopping without waiting longer for the batch in flight.")
                break
        if self.failure:
            raise self.failure

    def _wait_for_one(self) -> bool:
        """Wait until one more pipeline has ended; False when a stop has taken too long."""
        while not self._ended.acquire(timeout=_GLANCE_S):
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return False
        return True

    def _guard(self, work: Callable[[Pipeline], None], pipeline: Pipeline) -> None:
        """A pipeline that cannot go on stops them all: half a shipper must not look whole."""
        try:
            work(pipeline)
        except Exception as error:  # noqa: BLE001 - kept, and raised where `run` was called
            self.failure = self.failure or error
            self.stop()
        finally:
            self._ended.release()


def spool_of(config: Config) -> Spool | None:
    """What reads standard input, where it is an input."""
    if config.spool is None:
        return None
    return Spool(config.spool, partial(settled_files, config))


@contextmanager
def _spooling(spool: Spool | None) -> Iterator[Callable[[], bool]]:
    """Standard input being read; whether all of it has been."""
    if spool is None:
        yield lambda: True
        return
    spool.start()
    try:
        yield lambda: spool.is_over
    finally:
        spool.stop()
        spool.prune()


#: How often a stop looks at its deadline.
_GLANCE_S = 0.5


def pipeline_config(name: str, config: Config) -> PipelineConfig:
    """What the pipeline of that output does."""
    settings: Any = config.outputs[name]
    return PipelineConfig(
        name=name,
        inputs=config.inputs,
        data_path=config.data,
        max_lines=settings.batch_max_lines,
        max_bytes=settings.batch_max_bytes,
        backoff_init_s=settings.backoff.init_s,
        backoff_max_s=settings.backoff.max_s,
        scan_interval_s=min(one.scanner.check_interval_s for one in config.inputs),
    )


def outputs_of(config: Config) -> dict[str, Output]:
    """The outputs, none of them connected yet; raises `ConfigError` with what speaks against any.

    What the configuration alone cannot tell is told here: a library that is missing, values that
    do not go together.
    """
    made: dict[str, Output] = {}
    problems: list[Problem] = []
    for name, settings in config.outputs.items():
        try:
            made[name] = OUTPUTS[name].create(settings)
        except ConfigError as error:
            problems += (Problem(f"output.{name}.{one.where}", one.what) for one in error.problems)
    if problems:
        raise ConfigError(problems)
    return made


def _pipeline(
    name: str,
    output: Output,
    config: Config,
    self_audit: SelfAudit | None,
    deletions: Deletions,
) -> Pipeline:
    shape = pipeline_config(name, config)
    if self_audit is None:
        return Pipeline(shape, output, deletions=deletions)
    shape = replace(shape, inputs=(*shape.inputs, self_audit.input))
    return Pipeline(shape, output, loss_reporter=self_audit.of(name), deletions=deletions)


def probe(config: Config) -> Iterator[tuple[str, str, bool]]:
    """For each output: its name, what was proven or what failed, and which of the two."""
    for name, output in outputs_of(config).items():
        try:
            yield name, output.probe(), True
        except ShipperError as error:
            yield name, str(error), False
        finally:
            output.close()
