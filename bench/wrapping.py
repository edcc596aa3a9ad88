"""What `wrap` adds to a round trip, and to the start: the same server, direct and wrapped."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.report import Column, Report, Row

#: Answers at once: what is measured is the way there and back.
_SERVER = """
import sys
answer = '{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"hi"}]}}\\n'
for line in sys.stdin:
    sys.stdout.write(answer % line.partition('"id":')[2].partition(",")[0])
    sys.stdout.flush()
"""
_COLUMNS = (
    Column("median µs", "{:,.0f}"),
    Column("p99 µs", "{:,.0f}"),
    Column("first answer ms", "{:,.0f}"),
)


def round_trips(folder: Path, rounds: int, calls: int) -> Report:
    """Contenders take turns; each round starts the server again."""
    server = [sys.executable, "-c", _SERVER]
    wrap = [sys.executable, "-m", "shipper", "wrap", "--directory", str(folder), "--", *server]
    took: dict[str, list[float]] = {"direct": [], "wrap": []}
    first: dict[str, list[float]] = {"direct": [], "wrap": []}
    for _ in range(rounds):
        for name, words in (("direct", server), ("wrap", wrap)):
            start, *others = _round(words, calls)
            first[name].append(start)
            took[name] += others
    rows = [
        Row(
            name,
            {
                "median µs": statistics.median(took[name]) * 1e6,
                "p99 µs": statistics.quantiles(took[name], n=100)[-1] * 1e6,
                "first answer ms": statistics.median(first[name]) * 1e3,
            },
        )
        for name in took
    ]
    return Report("wrap", f"Round trip of a tool call over stdio, {calls} calls", _COLUMNS, rows)


def _round(words: list[str], calls: int) -> list[float]:
    """Seconds from the start to the first answer, then of each call."""
    began, took = time.perf_counter(), []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in range(calls):
            params = {"name": "echo", "arguments": {"message": "hi"}}
            call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            line = json.dumps(call, separators=(",", ":")).encode() + b"\n"
            process.stdin.write(line)
            process.stdin.flush()
            process.stdout.readline()
            took.append(time.perf_counter() - began)
            began = time.perf_counter()
        process.stdin.close()
    return took
