"""What signing adds to the CPU time of shipping a backlog of segments to a file."""

from pathlib import Path
from statistics import median

from bench.processes import measured, shipper
from bench.report import Column, Report, Row
from bench.verify import make_record
from shipper.evidence.keys import create_key

_PER_EVENT, _LOWEST, _HIGHEST, _RATIO, _MEMORY = (
    "µs per event",
    "lowest",
    "highest",
    "to off",
    "MiB",
)


def signing(folder: Path, events: int, rounds: int) -> Report:
    """Ship the same record with signing off and on, in turn."""
    audit = folder / "audit"
    make_record(audit, events)
    create_key(folder / "key", "bench")
    ways: dict[str, dict[str, object]] = {
        "off": {},
        "on": {"evidence": {"key": str(folder / "key")}},
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, settings in ways.items():
            took[name].append(_ship(folder / f"{name}-{number}", audit, events, settings))
    off = median(us for us, _ in took["off"])
    rows = [
        Row(
            name,
            {
                _PER_EVENT: median(us for us, _ in one),
                _LOWEST: min(us for us, _ in one),
                _HIGHEST: max(us for us, _ in one),
                _RATIO: median(us for us, _ in one) / off,
                _MEMORY: max(mib for _, mib in one),
            },
        )
        for name, one in took.items()
    ]
    columns = [Column(name, "{:.2f}") for name in (_PER_EVENT, _LOWEST, _HIGHEST, _RATIO)]
    columns.append(Column(_MEMORY, "{:.0f}"))
    return Report("signing", f"Ship and sign {events:,} events of 850 bytes", columns, rows, took)


def _ship(
    folder: Path, audit: Path, events: int, settings: dict[str, object]
) -> tuple[float, float]:
    """Microseconds of CPU time per event, and MiB."""
    output: dict[str, object] = {"path": str(folder / "out"), "filename": "events"}
    command = shipper(folder, f"{audit}/*.jsonl", {"file": output}, **settings)
    cost = measured([*command, "--once"])
    written = sum(path.stat().st_size for path in (folder / "out").iterdir())
    assert written >= sum(path.stat().st_size for path in audit.iterdir())
    for path in (folder / "out").iterdir():
        path.unlink()
    return cost.cpu_s / events * 1e6, cost.peak_mib
