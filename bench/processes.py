"""Runs one shipping process and measures what it alone costs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

_POLL_S = 0.02
#: A contender that takes longer than this hangs.
_TIMEOUT_S = 3600.0

SHIPPER = Path(sys.executable).with_name("mcp-shipper")


@dataclass
class Cost:
    """CPU and memory of one process, from its start to its end."""

    #: With the processes that it started.
    cpu_s: float = 0.0
    #: Without them, up to the last poll.
    own_cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mib: float = 0.0
    #: Seconds since the start, and resident MiB at that time.
    resident: list[tuple[float, float]] = field(default_factory=list)


def measured(command: Sequence[str | Path], until: Callable[[], bool] | None = None) -> Cost:
    """Run `command` to its end, or until `until` reports that it has done its work."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    cost = Cost()
    try:
        while True:
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            cost.wall_s = time.monotonic() - started
            if ended:
                break
            _note_memory(process.pid, cost)
            _note_cpu(process.pid, cost)
            if (until and until()) or cost.wall_s > _TIMEOUT_S:
                process.send_signal(signal.SIGTERM)
                until = None
            time.sleep(_POLL_S)
    except BaseException:
        process.kill()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    cost.cpu_s = used.ru_utime + used.ru_stime
    return cost


def _note_memory(pid: int, cost: Cost) -> None:
    # Not ru_maxrss of wait4, which starts at the parent's memory at the time of the fork.
    with suppress(OSError, KeyError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        found = dict(line.split(":", 1) for line in lines)
        kib = {name: int(found[name].split()[0]) for name in ("VmHWM", "VmRSS")}
        cost.peak_mib = max(cost.peak_mib, kib["VmHWM"] / 1024)
        now = cost.wall_s
        if not cost.resident or now - cost.resident[-1][0] >= max(0.5, now / 200):
            cost.resident.append((round(now, 2), round(kib["VmRSS"] / 1024, 1)))


def _note_cpu(pid: int, cost: Cost) -> None:
    with suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        cost.own_cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shipper(
    folder: Path, paths: str | Path, output: dict[str, object], **settings: object
) -> list[str | Path]:
    """The command that ships `paths` from a fresh `folder`; add `--once` to end when done."""
    config = {
        "filebeat.inputs": [{"type": "filestream", "paths": [str(paths)]}],
        "path.data": str(folder / "data"),
        "logging.level": "warning",
        **settings,
        **{f"output.{name}": value for name, value in output.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "mcp-shipper.yml"
    file.write_bytes(msgspec.json.encode(config))  # JSON is YAML
    return [SHIPPER, "run", "-c", file]
