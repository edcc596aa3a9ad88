"""Events per CPU-second: mcp-shipper and its peers in turn, with the same file and sink."""

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from bench.processes import Cost, measured, shipper
from bench.report import Column, Report, Row
from bench.sinks import PEERS, BulkSink
from tests.real.golang import go_program
from tests.real.lumberjack import LumberjackSink

OURS = "mcp-shipper"


class _Total(Protocol):
    @property
    def events(self) -> int: ...
    @property
    def wire_bytes(self) -> int: ...


class _Sink(Protocol):
    address: str

    def stop(self) -> _Total: ...


@dataclass(frozen=True, slots=True)
class Job:
    """One file to ship."""

    file: Path
    events: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One round of one contender."""

    events_per_cpu_s: float
    wire_bytes_per_event: float
    peak_mib: float
    wall_s: float


#: Ships the file to a fresh sink.
Contender = Callable[[Job, _Sink], Cost]


def lumberjack(job: Job, level: int, rounds: int) -> Report:
    """To go-lumber's server, with this compression level for all."""
    contenders = {
        OURS: _ours("logstash", level),
        "raw loop": _loop("raw", level),
        "decoding loop": _loop("decode", level),
    }
    sink = lambda: LumberjackSink(keep=False)  # noqa: E731 - a sink for each run
    title = f"To Lumberjack, compression {level}" if level else "To Lumberjack, no compression"
    return _report(f"lumberjack-{level}", title, _rounds(job, sink, contenders, rounds))


def bulk(job: Job, level: int, rounds: int) -> Report:
    """To the bulk sink, with gzip at this level, or without."""
    contenders: dict[str, Contender] = {
        OURS: _ours("elasticsearch", level),
        "streaming_bulk": _streaming_bulk(is_compressed=level > 0),
    }
    if not level:  # its Elasticsearch output does not compress
        contenders["rsyslog"] = _rsyslog
    title = f"To the bulk sink, gzip {level}" if level else "To the bulk sink, no compression"
    return _report(f"bulk-{level}", title, _rounds(job, BulkSink, contenders, rounds))


def _rounds(
    job: Job,
    sink: Callable[[], AbstractContextManager[_Sink]],
    contenders: Mapping[str, Contender],
    rounds: int,
) -> Mapping[str, list[Figure]]:
    figures: dict[str, list[Figure]] = defaultdict(list)
    for _ in range(rounds):  # in turn, so a slow moment of the machine affects all of them
        for name, contender in contenders.items():
            with sink() as started:
                cost = contender(job, started)
                got = started.stop()
            if got.events < job.events:
                raise RuntimeError(f"{name}: {got.events} of {job.events} events arrived")
            figures[name].append(
                Figure(
                    events_per_cpu_s=job.events / cost.cpu_s,
                    wire_bytes_per_event=got.wire_bytes / job.events,
                    peak_mib=cost.peak_mib,
                    wall_s=cost.wall_s,
                )
            )
    return figures


def _ours(output: str, level: int) -> Contender:
    def ship(job: Job, sink: _Sink) -> Cost:
        folder = job.folder / f"ours-{len(list(job.folder.iterdir()))}"
        settings = {"hosts": [sink.address], "compression_level": level}
        command = shipper(folder, job.file, {output: settings})
        return measured([*command, "--once"])

    return ship


def _loop(mode: str, level: int) -> Contender:
    def ship(job: Job, sink: _Sink) -> Cost:
        options = ["-mode", mode, "-compression", str(level), "-address", sink.address]
        return measured([go_program(PEERS / "loops"), *options, "-file", job.file])

    return ship


def _streaming_bulk(*, is_compressed: bool) -> Contender:
    def ship(job: Job, sink: _Sink) -> Cost:
        command = [sys.executable, "-m", "bench.streaming_bulk", job.file, f"http://{sink.address}"]
        return measured([*command, "--compress"] if is_compressed else command)

    return ship


def _rsyslog(job: Job, sink: _Sink) -> Cost:
    """Run rsyslog until all lines have arrived; it would follow the file forever."""
    assert isinstance(sink, BulkSink)
    folder = job.folder / f"rsyslog-{len(list(job.folder.iterdir()))}"
    folder.mkdir()
    host, port = sink.address.split(":")
    (folder / "rsyslog.conf").write_text(
        _RSYSLOG.format(folder=folder, file=job.file, host=host, port=port)
    )
    command = ["rsyslogd", "-n", "-f", folder / "rsyslog.conf", "-i", folder / "pid"]
    return measured(command, until=lambda: sink.events() >= job.events)


#: Batches as large as mcp-shipper's, a queue in memory, one worker, as its documentation advises.
_RSYSLOG = """\
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="line" type="string" string="%msg%")
template(name="index" type="string" string="logs-mcp.tools-default")
main_queue(queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1600"
           queue.workerThreads="1")
input(type="imfile" File="{file}" Tag="audit" ruleset="ship" readMode="0")
ruleset(name="ship" queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1600"
        queue.workerThreads="1") {{
  action(type="omelasticsearch" server="{host}" serverport="{port}" template="line"
         searchIndex="index" dynSearchIndex="on" searchType="" bulkmode="on"
         maxbytes="8m" action.resumeRetryCount="-1")
}}
"""


def _report(name: str, title: str, figures: Mapping[str, list[Figure]]) -> Report:
    ours = _median(figures[OURS])
    rows = [
        Row(
            contender,
            {
                "events per CPU-second": _median(rounds),
                "lowest": min(one.events_per_cpu_s for one in rounds),
                "highest": max(one.events_per_cpu_s for one in rounds),
                "ours / it": None if contender == OURS else ours / _median(rounds),
                "bytes on the wire": statistics.median(one.wire_bytes_per_event for one in rounds),
                "MiB": max(one.peak_mib for one in rounds),
            },
        )
        for contender, rounds in figures.items()
    ]
    columns = (
        Column("events per CPU-second", "{:,.0f}"),
        Column("lowest", "{:,.0f}"),
        Column("highest", "{:,.0f}"),
        Column("ours / it", "{:.2f}"),
        Column("bytes on the wire", "{:,.0f}"),
        Column("MiB", "{:.0f}"),
    )
    raw = {contender: [asdict(one) for one in rounds] for contender, rounds in figures.items()}
    return Report(name, title, columns, rows, raw)


def _median(rounds: list[Figure]) -> float:
    return statistics.median(one.events_per_cpu_s for one in rounds)
