"""The only place where things are wired: configuration to pipelines, pipelines to threads."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shipper.config import Config
from shipper.deliver.pipeline import Pipeline, PipelineConfig
from shipper.deliver.registry import read_positions
from shipper.errors import ConfigError, Problem, ShipperError
from shipper.outputs import OUTPUTS

_log = logging.getLogger("shipper.service")


class Service:
    """The shipper of one configuration: a pipeline and a thread for each output."""

    def __init__(self, config: Config) -> None:
        if not config.outputs:
            what = f"nothing to ship to; configure one of: {', '.join(OUTPUTS)}"
            raise ConfigError([Problem("output", what)])
        self.pipelines = {name: _pipeline(name, config) for name in config.outputs}
        self.failure: Exception | None = None

    def run(self) -> None:
        """Follow the inputs until `stop`; raises what stopped a pipeline for good."""
        self._each(lambda pipeline: pipeline.run())

    def drain(self) -> None:
        """Deliver all that is there now, then return."""
        self._each(lambda pipeline: pipeline.drain())

    def stop(self) -> None:
        """From any thread or signal handler; what is not settled is not committed."""
        for pipeline in self.pipelines.values():
            pipeline.stop()

    def _each(self, work: Any) -> None:
        threads = [
            threading.Thread(target=self._guard, args=(work, pipeline), name=name)
            for name, pipeline in self.pipelines.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failure:
            raise self.failure

    def _guard(self, work: Any, pipeline: Pipeline) -> None:
        """A pipeline that cannot go on stops them all: half a shipper must not look whole."""
        try:
            work(pipeline)
        except Exception as error:  # noqa: BLE001 - kept, and raised where `run` was called
            self.failure = self.failure or error
            self.stop()


def _pipeline(name: str, config: Config) -> Pipeline:
    settings: Any = config.outputs[name]
    shape = PipelineConfig(
        name=name,
        inputs=config.inputs,
        data_path=config.data,
        max_lines=settings.bulk_max_size,
    )
    return Pipeline(shape, OUTPUTS[name].create(settings))


def probe(config: Config) -> Iterator[tuple[str, str, bool]]:
    """For each output: its name, what was proven or what failed, and which of the two."""
    for name, settings in config.outputs.items():
        output = OUTPUTS[name].create(settings)
        try:
            yield name, output.probe(), True
        except ShipperError as error:
            yield name, str(error), False
        finally:
            output.close()


@dataclass(frozen=True, slots=True)
class FileStatus:
    """How far one output is with one file."""

    output: str
    path: str
    offset: int
    #: None when the file is gone.
    size: int | None

    @property
    def behind(self) -> int:
        """Bytes that are there and not acknowledged."""
        return max((self.size or 0) - self.offset, 0)


def status(config: Config) -> list[FileStatus]:
    """Where each output stands, read from the registries; needs no running shipper."""
    return [
        FileStatus(name, position.path, position.offset, _size(position.path))
        for name in config.outputs
        for position in read_positions(config.data / "registry" / f"{name}.ndjson")
    ]


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None
