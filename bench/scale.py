"""Checks that cost stays linear and memory flat: many files, long backlogs, a dead output."""

import statistics
import time
from collections.abc import Iterator, Sequence
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
#: Number of runs over these files, of which the median counts.
_ROUNDS = 5
#: How long to watch a shipper that does not end: a dozen scans.
_LOOK_S = 15.0
#: Lines written together when files are created.
_LINES_AT_ONCE = 100_000


def files(folder: Path, lines: int, most: int) -> Report:
    """The same lines in one file, and in more and more files."""
    counts = [10**power for power in range(len(str(most)))]
    for count in counts:
        logs = folder / str(count) / "logs"
        logs.mkdir(parents=True)
        for number in range(count):
            first = number * lines // count
            _write(logs / f"{number}.ndjson", lines // count, padding=600, first=first)
    costs: dict[int, list[Cost]] = {count: [] for count in counts}
    for number in range(_ROUNDS):  # in turn, so a slow moment of the machine affects all of them
        for count in counts:
            here = folder / str(count)
            costs[count].append(_ship(here / f"round-{number}", here / "logs" / "*.ndjson", lines))
    rows = [_row(f"{count:,} files", _median(costs[count]), lines) for count in counts]
    here = folder / str(most)
    cost = _ship_on(here / "round-0", here / "logs")
    rows.append(_row(f"{most:,} quiet files and one that grows", cost))
    cost = _ship_in_vain(here / "away", here / "logs" / "*.ndjson", _LOOK_S)
    rows.append(_row(f"{most:,} files and an output that is away", cost))
    raw = {count: [(one.cpu_s, one.peak_mib) for one in costs[count]] for count in counts}
    return Report("files", f"{lines:,} lines of 650 bytes in so many files", _COLUMNS, rows, raw)


def backlog(folder: Path, most: int) -> Report:
    """Longer and longer backlogs of short lines in one file."""
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
    cost = _ship_in_vain(folder, file, wait_s)
    row = _row(f"{gigabytes:g} GB waiting", cost)
    return Report("outage", "A backlog, and nobody listens", _COLUMNS, [row], cost.resident)


def _ship(folder: Path, paths: Path, lines: int) -> Cost:
    with LumberjackSink(keep=False) as sink:
        output = {"hosts": [sink.address], "compression_level": 3}
        cost = measured([*shipper(folder, paths, {"logstash": output}), "--once"])
        arrived = sink.stop().events
    if arrived < lines:
        raise RuntimeError(f"{arrived} of {lines} lines arrived")
    return cost


def _median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure separately."""
    names = ("cpu_s", "wall_s", "peak_mib")
    return Cost(**{name: statistics.median(getattr(one, name) for one in costs) for name in names})


def _ship_on(folder: Path, logs: Path) -> Cost:
    """Ship lines that are appended one at a time to a file that `_ship` has already shipped."""
    with (
        LumberjackSink(keep=False) as sink,
        (logs / "0.ndjson").open("a", encoding="ascii") as file,
    ):
        deadline = time.monotonic() + _LOOK_S

        def is_over() -> bool:
            file.writelines(_lines(range(1), ""))
            file.flush()
            return time.monotonic() > deadline

        output = {"hosts": [sink.address], "compression_level": 3}
        cost = measured(shipper(folder, logs / "*.ndjson", {"logstash": output}), is_over)
        if not sink.stop().events:
            raise RuntimeError("nothing arrived")
    return cost


def _ship_in_vain(folder: Path, paths: Path, wait_s: float) -> Cost:
    """An output to an address where nobody listens."""
    (port,) = free_ports(1)
    command = shipper(folder, paths, {"logstash": {"hosts": [f"127.0.0.1:{port}"]}})
    deadline = time.monotonic() + wait_s
    return measured(command, until=lambda: time.monotonic() > deadline)


def _row(name: str, cost: Cost, lines: int = 0) -> Row:
    values = {
        "CPU-seconds": cost.cpu_s,
        "µs a line": cost.cpu_s / lines * 1e6 if lines else None,
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
