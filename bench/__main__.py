"""All benchmarks, or those given by name; contenders take turns on the same machine (`make bench`).

python -m bench [NAME …] [--events N] [--rounds N]
"""

import argparse
import compileall
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import (
    capturing,
    formats,
    handler,
    latency,
    logstash,
    masking,
    processing,
    proxying,
    scale,
    shipping,
    signing,
    verify,
    wrapping,
)
from bench.report import Report
from bench.shipping import Job

SOURCE = Path(__file__).parent.parent / "shipper"

Benchmark = Callable[[argparse.Namespace, Path], Iterator[Report]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    # pip compiles what it installs; a source tree may lack bytecode (PYTHONDONTWRITEBYTECODE).
    compileall.compile_dir(SOURCE, quiet=1)
    for name in options.names or USUAL:
        with tempfile.TemporaryDirectory(prefix="mcp-shipper-bench-") as folder:
            for report in BENCHMARKS[name](options, Path(folder)):
                report.publish()


def _lumberjack(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    job = _job(options.events, folder)
    for level in (3, 0):
        yield shipping.lumberjack(job, level, options.rounds)


def _bulk(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    job = _job(options.events, folder)
    for level in (0, 1):
        yield shipping.bulk(job, level, options.rounds)


def _job(events: int, folder: Path) -> Job:
    file = folder / "events.ndjson"
    maker = [sys.executable, "-m", "bench.make_events", str(events), str(file)]
    subprocess.run(maker, check=True)
    return Job(file, events, folder)


def _start(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield latency.starts(folder, 40)


def _idle(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield latency.idle(folder, 1000)


def _recording(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield handler.recording(folder, rounds=20, calls=1000)


def _capture(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield capturing.calls(folder, rounds=60)


def _masking(_options: argparse.Namespace, _folder: Path) -> Iterator[Report]:
    yield masking.masking()


def _logstash(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield logstash.script(folder)


def _processing(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield processing.processing(folder, options.events, options.rounds)


def _formats(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield formats.formats(_job(options.events, folder), options.rounds)


def _files(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield scale.files(folder, 200_000, 10_000)


def _backlog(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield scale.backlog(folder, 100_000_000)


def _outage(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield scale.outage(folder, 5, 60)


def _verify(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield verify.verifying(folder, options.events, options.rounds)


def _signing(options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield signing.signing(folder, options.events, options.rounds)


def _wrap(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield wrapping.round_trips(folder, 20, 500)


def _proxy(_options: argparse.Namespace, folder: Path) -> Iterator[Report]:
    yield proxying.round_trips(folder, 20, 500)


BENCHMARKS: dict[str, Benchmark] = {
    "lumberjack": _lumberjack,
    "bulk": _bulk,
    "start": _start,
    "idle": _idle,
    "recording": _recording,
    "capture": _capture,
    "masking": _masking,
    "logstash": _logstash,
    "processing": _processing,
    "formats": _formats,
    "files": _files,
    "backlog": _backlog,
    "outage": _outage,
    "verify": _verify,
    "signing": _signing,
    "wrap": _wrap,
    "proxy": _proxy,
}
#: Run if no name is given; the others take gigabytes of disk and half an hour.
USUAL = (
    "lumberjack",
    "bulk",
    "start",
    "idle",
    "recording",
    "capture",
    "masking",
    "logstash",
    "processing",
    "formats",
    "files",
    "wrap",
    "proxy",
)


if __name__ == "__main__":
    main()
