"""Builds the pipelines of a configuration and runs each in a thread."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from shipper.config import Config
from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.deliver.spool import Spool
from shipper.errors import ConfigError, Problem, ShipperError, Stopped
from shipper.follow.deletions import Deletions
from shipper.follow.verified import Verified
from shipper.outputs import OUTPUTS
from shipper.outputs.base import Output
from shipper.run.self_audit import SelfAudit, self_audit_of
from shipper.run.status import settled_files
from shipper.secrets.own import declare

if TYPE_CHECKING:
    from shipper.run.usage import Usage

_log = logging.getLogger("shipper.run.service")


class Service:
    """The shipper of one configuration: a pipeline and a thread for each output."""

    def __init__(self, config: Config) -> None:
        if not config.outputs:
            what = f"nothing to ship to; configure one of: {', '.join(OUTPUTS)}"
            raise ConfigError([Problem("output", what)])
        own = config.catalog.secrets
        declare(own.rows(), own.names, own.allowed, own.digest_key, own.mask)
        self.self_audit = self_audit_of(config)
        deletions = Deletions(config.outputs)
        #: What the pipelines read of segments, if checkpoints are signed.
        self.verified = Verified() if config.operation.evidence.enabled else None
        shared = _Shared(deletions, self.verified)
        self.pipelines = {
            name: _pipeline(name, output, config, self.self_audit, shared)
            for name, output in outputs_of(config).items()
        }
        self._config = config
        self._spool = _spool_of(config)
        self.failure: Exception | None = None
        #: Why outputs did not get everything that `drain` had to deliver.
        self.incomplete: list[ShipperError] = []
        self._patience_s = config.operation.shutdown_timeout_s
        self._threads: list[threading.Thread] = []
        self._ended = threading.Semaphore(0)
        self._deadline: float | None = None

    def run(self) -> None:
        """Follow the inputs until `stop`; raises the first error that ended a pipeline."""
        with _spooling(self._spool):
            self._each(lambda pipeline: pipeline.run())

    def drain(self) -> None:
        """Deliver what exists now, and standard input to its end, then return.

        Raises `ShipperError` if an output did not get everything, after the others have it.
        """
        with _spooling(self._spool) as is_over:
            if not self._each(lambda pipeline: self._drain(pipeline, is_over)):
                self.incomplete.append(Stopped("stopped before everything was delivered"))
        if self.incomplete:
            raise self.incomplete[0]

    def _drain(self, pipeline: Pipeline, is_over: Callable[[], bool]) -> None:
        if error := pipeline.drain(is_over):
            _log.error("Output %s: %s.", pipeline.name, error)
            self.incomplete.append(error)

    def stop(self) -> None:
        """Make `run` and `drain` return soon; from any thread or signal handler."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._patience_s
        for pipeline in self.pipelines.values():
            pipeline.stop()

    @cached_property
    def usage(self) -> "Usage":
        """Measures the record; it is imported at the first request."""
        from shipper.run.usage import Usage

        return Usage(self._config)

    @property
    def has_started(self) -> bool:
        """Whether every pipeline has opened its positions."""
        return all(pipeline.has_started for pipeline in self.pipelines.values())

    @property
    def is_alive(self) -> bool:
        """Whether the thread of every pipeline runs, even if its output is unavailable."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def _each(self, work: Callable[[Pipeline], None]) -> bool:
        """Run all pipelines; False if a stop did not wait for all of them."""
        for name, pipeline in self.pipelines.items():
            guard = (work, pipeline)
            # A daemon thread: a send that hangs beyond the deadline must not delay the exit.
            thread = threading.Thread(target=self._guard, args=guard, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        is_ended = all(self._wait_for_one() for _ in self.pipelines)
        if not is_ended:
            _log.warning("Stopped before the batch in flight was acknowledged; it is sent again.")
        if self.failure:
            raise self.failure
        return is_ended

    def _wait_for_one(self) -> bool:
        """Wait until one more pipeline has ended; False if the deadline of a stop passes."""
        while not self._ended.acquire(timeout=_CHECK_INTERVAL_S):
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return False
        return True

    def _guard(self, work: Callable[[Pipeline], None], pipeline: Pipeline) -> None:
        """Run one pipeline; if it fails, stop all, so that a partial failure is not overlooked."""
        try:
            work(pipeline)
        except Exception as error:  # noqa: BLE001 - kept, and raised where `run` was called
            self.failure = self.failure or error
            self.stop()
        finally:
            self._ended.release()


def _spool_of(config: Config) -> Spool | None:
    """The reader of standard input; None if it is not an input."""
    if config.spool is None:
        return None
    return Spool(config.spool, partial(settled_files, config))


@contextmanager
def _spooling(spool: Spool | None) -> Iterator[Callable[[], bool]]:
    """Read standard input while the block runs; yields whether all of it has been read."""
    if spool is None:
        yield lambda: True
        return
    spool.start()
    try:
        yield lambda: spool.is_over
    finally:
        spool.stop()
        spool.prune()


#: How often the deadline of a stop is checked.
_CHECK_INTERVAL_S = 0.5


def pipeline_config(name: str, config: Config) -> PipelineConfig:
    """The settings of the pipeline of that output."""
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
    """The outputs, not connected yet.

    Raises `ConfigError` with the problems that reading a configuration does not find: a missing
    library, or values that exclude each other.
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


class _Shared(NamedTuple):
    """What all pipelines have in common."""

    deletions: Deletions
    verified: Verified | None


def _pipeline(
    name: str,
    output: Output,
    config: Config,
    self_audit: SelfAudit | None,
    shared: "_Shared",
) -> Pipeline:
    shape = pipeline_config(name, config)
    if self_audit is None:
        return Pipeline(shape, output, deletions=shared.deletions, verified=shared.verified)
    shape = replace(shape, inputs=(*shape.inputs, self_audit.input))
    return Pipeline(
        shape,
        output,
        loss_reporter=self_audit.loss_reporter(name),
        deletions=shared.deletions,
        verified=shared.verified,
    )


def probe(config: Config) -> Iterator[tuple[str, str, ShipperError | None]]:
    """Test each output; yields its name, the result, and the error if it does not work."""
    for name, output in outputs_of(config).items():
        try:
            yield name, output.probe(), None
        except ShipperError as error:
            yield name, str(error), error
        finally:
            output.close()
