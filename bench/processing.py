"""What processors cost: the usual chain, a chain that a condition leaves alone, and none."""

import json
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.processes import measured, shipper
from bench.report import Column, Report, Row

#: What people have, in Filebeat's words; a line as `_LINE` passes each step.
_CHAIN = [
    {"decode_json_fields": {"fields": ["payload"], "target": "", "overwrite_keys": True}},
    {"dissect": {"tokenizer": "%{verb} %{path} %{status|integer}", "field": "request"}},
    {"drop_fields": {"fields": ["payload", "agent"], "ignore_missing": True}},
    {"add_fields": {"target": "", "fields": {"environment": "staging"}}},
    {"drop_event": {"when": {"equals": {"level": "debug"}}}},
]
_CHAINS: Mapping[str, Sequence[object]] = {
    "no processor": [],
    "left alone by a condition": [{"if": {"equals": {"kind": "audit"}}, "then": _CHAIN}],
    "the usual chain": _CHAIN,
}


def processing(folder: Path, events: int, rounds: int) -> Report:
    """The same lines of JSON to a file, with each chain in turn."""
    lines = folder / "lines.ndjson"
    with lines.open("w") as file:
        file.writelines(_line(number) for number in range(events))
    found: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        for at, (name, chain) in enumerate(_CHAINS.items()):
            home = folder / f"{number}-{at}"
            output: dict[str, object] = {"file": {"path": str(home), "filename": "out"}}
            command = shipper(home, lines, output, processors=chain)
            found[name].append(events / measured([*command, "--once"]).cpu_s)
            assert (home / "out.ndjson").stat().st_size > events
            (home / "out.ndjson").unlink()
    return _report(found)


def _line(number: int) -> str:
    payload = {"level": "info", "user": {"name": f"u{number % 97}"}, "text": "x" * 120}
    event = {
        "@timestamp": "2026-11-30T10:00:00.000Z",
        "payload": json.dumps(payload),
        "request": f"GET /orders/{number} 200",
        "agent": {"type": "app", "version": "1.0"},
        "host": {"name": "web-1"},
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


def _report(found: Mapping[str, list[float]]) -> Report:
    columns = (
        Column("events per CPU-second", "{:,.0f}"),
        Column("of no processor", "{:.2f}"),
    )
    medians = {name: statistics.median(rounds) for name, rounds in found.items()}
    base = medians["no processor"]
    rows = [
        Row(name, {"events per CPU-second": one, "of no processor": one / base})
        for name, one in medians.items()
    ]
    return Report("processing", "Processors, JSON lines to a file", columns, rows, dict(found))
