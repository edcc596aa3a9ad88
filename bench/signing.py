"""What signing adds to shipping a backlog of segments to a file: time, CPU time and memory."""

from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.processes import Cost, measured, shipper
from bench.report import Column, Report, Row
from bench.verify import make_record
from shipper.evidence.keys import create_key

_OFF, _ON, _RATIO, _LEAST_RATIO = "off", "on", "median, on to off", "shortest, on to off"
#: What is compared, and how it is called.
_FIGURES = {
    "wall_s": "µs per event",
    "own_cpu_s": "CPU of the shipping process",
    "cpu_s": "CPU of both processes",
}


def signing(folder: Path, events: int, rounds: int) -> Report:
    """Ship the same record with signing off and on, in turn."""
    audit = folder / "audit"
    make_record(audit, events)
    create_key(folder / "key", "bench")
    ways: dict[str, dict[str, object]] = {
        _OFF: {},
        _ON: {"evidence": {"key": str(folder / "key")}},
    }
    took: dict[str, list[Cost]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, settings in ways.items():
            took[name].append(_ship(folder / f"{name}-{number}", audit, settings))
    rows = [_row(figure, name, took, events) for figure, name in _FIGURES.items()]
    peaks = {name: max(run.peak_mib for run in runs) for name, runs in took.items()}
    rows.append(Row("MiB of the shipping process", peaks))
    columns = [Column(name, "{:.2f}") for name in (_OFF, _ON, _RATIO, _LEAST_RATIO)]
    raw = {name: [asdict(run) for run in runs] for name, runs in took.items()}
    return Report("signing", f"Ship and sign {events:,} events of 850 bytes", columns, rows, raw)


def _row(figure: str, name: str, took: dict[str, list[Cost]], events: int) -> Row:
    us = {
        way: sorted(getattr(run, figure) / events * 1e6 for run in runs)
        for way, runs in took.items()
    }
    off, on = us[_OFF], us[_ON]
    values = {_OFF: median(off), _ON: median(on)}
    return Row(name, {**values, _RATIO: values[_ON] / values[_OFF], _LEAST_RATIO: on[0] / off[0]})


def _ship(folder: Path, audit: Path, settings: dict[str, object]) -> Cost:
    output: dict[str, object] = {"path": str(folder / "out"), "filename": "events"}
    command = shipper(folder, f"{audit}/*.jsonl", {"file": output}, **settings)
    cost = measured([*command, "--once"])
    written = sum(path.stat().st_size for path in (folder / "out").iterdir())
    assert written >= sum(path.stat().st_size for path in audit.iterdir())
    for path in (folder / "out").iterdir():
        path.unlink()
    return cost
