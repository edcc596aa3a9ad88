"""Does cost stay linear and memory flat: many files, long backlogs, an output that is away."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.processes import Cost, measured, shipper
from bench.report import Column, Report, Row
from tests.real.lumberjack import LumberjackSink
from tests.real.processes import free_ports

_COLUMNS = (
    Column("CPU-seconds", "{:,.2f}"),
    Column("µs a line", "{:.2f}"),
    Column("seconds", "{:,.1f}"),
    Column("MiB at most", "{:.1f}"),
)
#: Written at once when lines are made.
_LINES_AT_ONCE = 100_000


def files(folder: Path, lines: int, most: int) -> Report:
    """The same lines in one file, and in ever more."""
    rows, raw = [], {}
    count = 1
    while count <= most:
        here = folder / f"files-{count}"
        (here / "logs").mkdir(parents=True)
        for number in range(count):
            file = here / "logs" / f"{number}.ndjson"
            _write(file, lines // count, padding=600, first=number * lines // count)
        cost = _ship(here, here / "logs" / "*.ndjson", lines)
        rows.append(_row(f"{count:,} files", cost, lines))
        raw[count] = cost.resident
        count *= 10
    return Report("files", f"{lines:,} lines of 650 bytes in so many files", _COLUMNS, rows, raw)


def backlog(folder: Path, most: int) -> Report:
    """Ever longer backlogs of short lines in one file."""
    rows, raw = [], {}
    lines = 1_000_000
    while lines <= most:
        here = folder / f"backlog-{lines}"
        here.mkdir(parents=True)
        file = here / "events.ndjson"
        _write(file, lines)
        cost = _ship(here, file, lines)
        file.unlink()
        rows.append(_row(f"{lines:,} lines", cost, lines))
        raw[lines] = cost.resident
        lines *= 10
    return Report("backlog", "One file of lines of 50 bytes", _COLUMNS, rows, raw)


def outage(folder: Path, gigabytes: float, wait_s: float) -> Report:
    """A backlog and an output that does not answer: what waiting costs."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "events.ndjson"
    _write(file, int(gigabytes * 1e9 / 650), padding=600)
    (port,) = free_ports(1)
    command = shipper(folder, file, {"logstash": {"hosts": [f"127.0.0.1:{port}"]}})
    deadline = time.monotonic() + wait_s
    cost = measured(command, until=lambda: time.monotonic() > deadline)
    values = {"CPU-seconds": cost.cpu_s, "seconds": cost.wall_s, "MiB at most": cost.peak_mib}
    row = Row(f"{gigabytes:g} GB waiting", values)
    return Report("outage", "A backlog, and nobody listens", _COLUMNS, [row], cost.resident)


def _ship(folder: Path, paths: Path, lines: int) -> Cost:
    with LumberjackSink(keep=False) as sink:
        output = {"hosts": [sink.address], "compression_level": 3}
        cost = measured([*shipper(folder, paths, {"logstash": output}), "--once"])
        arrived = sink.stop().events
    if arrived < lines:
        raise RuntimeError(f"{arrived} of {lines} lines arrived")
    return cost


def _row(name: str, cost: Cost, lines: int) -> Row:
    values = {
        "CPU-seconds": cost.cpu_s,
        "µs a line": cost.cpu_s / lines * 1e6,
        "seconds": cost.wall_s,
        "MiB at most": cost.peak_mib,
    }
    return Row(name, values)


def _write(file: Path, lines: int, padding: int = 0, first: int = 0) -> None:
    """Lines of 50 bytes, or of `padding` more."""
    text = ("lorem ipsum dolor sit amet " * (padding // 27 + 1))[:padding]
    extra = f',"m":"{text}"' if padding else ""
    with file.open("w", encoding="ascii") as out:
        for start in range(first, first + lines, _LINES_AT_ONCE):
            numbers = range(start, min(start + _LINES_AT_ONCE, first + lines))
            out.writelines(_lines(numbers, extra))


def _lines(numbers: range, extra: str) -> Iterator[str]:
    for n in numbers:
        yield f'{{"@timestamp":"2026-11-01T00:00:00Z","n":1{n:09}{extra}}}\n'
