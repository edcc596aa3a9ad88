"""Lines of several audit streams, and what must be true of them where they arrive."""

import json
import re
from pathlib import Path

import msgspec

STREAMS = 4


def write_streams(directory, each, *, pad=300):
    """A file for each stream; gives the lines by stream."""
    filling = "x" * pad
    streams = {}
    for number in range(STREAMS):
        name = f"{number:032x}"
        streams[name] = [
            json.dumps(
                {
                    "@timestamp": "2026-11-24T00:00:00Z",
                    "mcp": {"audit": {"stream": {"id": name}}},
                    "message": filling,
                    "event": {"sequence": sequence},
                }
            ).encode()
            for sequence in range(1, each + 1)
        ]
        (directory / f"{name}.jsonl").write_bytes(b"\n".join([*streams[name], b""]))
    return streams


def by_stream(lines):
    """The lines as they arrived, split by the stream they are of."""
    streams = {}
    for line in lines:
        streams.setdefault(stream_of(line), []).append(line)
    return streams


def without_repeats(lines):
    """At least once: of each line the first counts."""
    return list(dict.fromkeys(lines))


def stream_of(line):
    return msgspec.json.decode(line)["mcp"]["audit"]["stream"]["id"]


def peak_mib(process):
    """The most memory that the process has held so far."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) >> 10
