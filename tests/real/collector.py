"""A real OpenTelemetry Collector, built from its core modules, that receives OTLP over HTTP.

Its debug exporter prints each record; `records` counts them and `log` is the text.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached
from tests.real.processes import free_ports
from tests.real.server import Server

_VERSION = "v0.165.0"
_BUILD_TIMEOUT_S = 600
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


class Collector(Server):
    """A collector that prints the log records it receives."""

    name = "otelcol"

    def __init__(self) -> None:
        self._program = cached(f"otelcol-{_VERSION}", _build) / "otelcol"
        (self._port,) = free_ports(1)
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def records(self) -> int:
        return len(re.findall(r"^LogRecord #", self.log, re.MULTILINE))

    def _prepare(self) -> None:
        self._config.write_text(_CONFIG.format(port=self._port))

    def _command(self) -> Sequence[str]:
        return [str(self._program), "--config", str(self._config)]

    def _is_ready(self) -> bool:
        return "Everything is ready" in self.log

    @property
    def _config(self) -> Path:
        return self._folder / "config.yaml"


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
