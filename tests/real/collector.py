"""A real OpenTelemetry Collector, built from its core modules, that receives OTLP over HTTP.

Its debug exporter prints each record; `records` counts them and `output` is the text.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real import Missing
from tests.real.cache import cached
from tests.real.processes import dies_with_us, free_ports, wait_until

_VERSION = "v0.165.0"
_BUILD_TIMEOUT_S = 600
START_TIMEOUT_S = 30
_PARTS = f"""\
dist: {{name: otelcol, output_path: ./built, module: example.test/otelcol, version: 0.0.1}}
receivers: [{{gomod: go.opentelemetry.io/collector/receiver/otlpreceiver {_VERSION}}}]
exporters: [{{gomod: go.opentelemetry.io/collector/exporter/debugexporter {_VERSION}}}]
"""
_CONFIG = """\
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{debug: {{verbosity: detailed, use_internal_logger: false, output_paths: [stdout]}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{logs: {{receivers: [otlp], exporters: [debug]}}}}
"""


class Collector:
    """Starts on entry; on exit it is gone."""

    def __init__(self) -> None:
        self._program = cached(f"otelcol-{_VERSION}", _build) / "otelcol"
        (self._port,) = free_ports(1)
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-otelcol-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def output(self) -> str:
        return (self._folder / "out").read_text(encoding="utf-8", errors="replace")

    @property
    def records(self) -> int:
        return len(re.findall(r"^LogRecord #", self.output, re.MULTILINE))

    def __enter__(self) -> Self:
        config = self._folder / "config.yaml"
        config.write_text(_CONFIG.format(port=self._port))
        with (self._folder / "out").open("wb") as out:
            self._process = subprocess.Popen(
                [*dies_with_us(), str(self._program), "--config", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "Everything is ready" in self.output, START_TIMEOUT_S, "the collector")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _build(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise Missing("the collector is built with Go; install it (golang)")
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-otelcol-") as place:
        (Path(place) / "parts.yaml").write_text(_PARTS)
        builder = f"go.opentelemetry.io/collector/cmd/builder@{_VERSION}"
        done = subprocess.run(
            [go, "run", builder, "--config", "parts.yaml"],
            cwd=place,
            env={**os.environ, "GOFLAGS": "-buildvcs=false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_BUILD_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise Missing(f"the collector could not be built: …{done.stderr.strip()[-300:]}")
        shutil.copy(Path(place) / "built" / "otelcol", folder / "otelcol")
