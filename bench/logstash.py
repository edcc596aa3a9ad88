"""What the script for Logstash costs an event, on the JRuby of Logstash 8.9.

Events have the interface of Logstash's, in Ruby. Queues, codecs and outputs are not measured.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.report import Column, Report, Row
from shipper.assets.generate.foreign import in_ruby
from shipper.catalog import Scope, builtin
from tests.assets.corpus import SHIM
from tests.real.jruby import VERSIONS, jruby_path

_CALL = {
    "jsonrpc": "2.0",
    "id": 17,
    "method": "tools/call",
    "params": {
        "name": "get_customer",
        "arguments": {"customer_id": "c-1042", "password": "hunter2", "note": "of order 4711"},
    },
    "result": {
        "content": [{"type": "text", "text": "Ann Example, 12 Main Street. Balance 120.50 EUR."}],
        "isError": False,
    },
}
_OWN = {
    "event": {"id": "stream-7", "sequence": 7, "hash": "0" * 64},
    "mcp": {"audit": {"type": "mcp_tool_execution", "stream": {"id": "stream"}}},
}
_TEXT = {"message": "2026-11-20 10:00:00 INFO request handled in 12 ms, path /orders/4711"}
_EVENTS: Mapping[str, Mapping[str, Any]] = {
    "an event of mcp-shipper": _OWN,
    "a JSON-RPC call with a password and a result": _CALL,
    "a text line": _TEXT,
}
_RUNS = 5_000


def script(folder: Path) -> Report:
    """Each row is the best of five."""
    path = folder / "mcp_normalise.rb"
    path.write_text(in_ruby(builtin(), Scope()), encoding="ascii")
    lines = "".join(f"{json.dumps(event)}\n" for event in _EVENTS.values())
    with jruby_path(VERSIONS["8.9"]) as ruby:
        command = [ruby, str(SHIM), str(path), "time", str(_RUNS)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    times = map(json.loads, done.stdout.splitlines())
    rows = [Row(name, {"µs": time}) for name, time in zip(_EVENTS, times, strict=True)]
    return Report("logstash", "The script for Logstash", [Column("µs", "{:.0f}")], rows)
