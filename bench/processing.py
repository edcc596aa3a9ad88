"""What processors cost: the usual chain, here and in rsyslog; one left alone; and none."""

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
_OTHERS = {"equals": {"kind": "audit"}}
_CHAINS: Mapping[str, Sequence[object]] = {
    "no processor": [],
    "left alone by a condition": [{"if": _OTHERS, "then": _CHAIN}],
    "left alone, each with a condition": [
        {name: {**options, "when": _OTHERS}}
        for step in _CHAIN[:-1]
        for name, options in step.items()
    ],
    "left alone, put into message": [
        {"decode_json_fields": {"fields": ["message"], "target": "", "when": _OTHERS}}
    ],
    "the usual chain": _CHAIN,
}
#: The same steps in rsyslog's words, with batches as large as ours.
_RULES = """\
version=2
rule=:%verb:word% %path:word% %status:number{"format":"number"}%
"""
_RSYSLOG = """\
global(workDirectory="FOLDER" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
module(load="mmnormalize")
template(name="all" type="string" string="%$!all-json-plain%\\n")
main_queue(queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1600"
           queue.workerThreads="1")
input(type="imfile" File="LINES" Tag="app" ruleset="process" readMode="0")
ruleset(name="process" queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1600"
        queue.workerThreads="1") {
  action(type="mmjsonparse" cookie="")
  set $.failed = parse_json($!payload, "\\$!decoded");
  action(type="mmnormalize" ruleBase="FOLDER/rules" variable="$!request" path="$!dissect")
  unset $!payload;
  unset $!agent;
  set $!environment = "staging";
  if $!decoded!level == "debug" then stop
  action(type="omfile" file="FOLDER/out.ndjson" template="all" asyncWriting="off")
}
"""


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
        found["the usual chain in rsyslog"].append(events / _rsyslog(folder, lines, number))
    return _report(found)


def _rsyslog(folder: Path, lines: Path, number: int) -> float:
    """The CPU-seconds of rsyslog until it has written the last line."""
    home = folder / f"rsyslog-{number}"
    home.mkdir()
    (home / "rules").write_text(_RULES)
    text = _RSYSLOG.replace("FOLDER", str(home)).replace("LINES", str(lines))
    (home / "rsyslog.conf").write_text(text)
    out, last = home / "out.ndjson", lines.read_bytes().splitlines()[-1].split(b"/orders/")[1]
    place = last.partition(b" ")[0]

    def is_done() -> bool:
        if not out.exists() or not (size := out.stat().st_size):
            return False
        with out.open("rb") as file:
            file.seek(max(0, size - 4096))
            return b"orders\\/%b " % place in file.read()

    cost = measured(["rsyslogd", "-n", "-f", home / "rsyslog.conf", "-i", home / "pid"], is_done)
    out.unlink()
    return cost.cpu_s


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
