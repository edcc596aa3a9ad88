"""Readiness and counters of a running service, under Filebeat's names.

Everything is read from the pipelines' own counters on request.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from shipper import __version__
from shipper.deliver.stats import State, Stats
from shipper.run.service import Service

READY = {State.IDLE, State.DELIVERING}


COUNTERS = (
    *("read_lines", "read_bytes", "batches", "filtered", "delivered", "duplicates", "diverted"),
    *("retried", "rejected", "truncated"),
)


def readiness(service: Service) -> tuple[bool, dict[str, Any]]:
    """Whether every output accepts lines, and the state and oldest waiting line of each."""
    outputs = {
        name: {
            "state": pipeline.stats.state.value,
            "oldest_unacknowledged_s": round(waiting_s(pipeline.stats), 3),
            "error": _trouble(pipeline.stats),
        }
        for name, pipeline in service.pipelines.items()
    }
    ready = all(
        one.stats.state in READY and not one.stats.held for one in service.pipelines.values()
    )
    return ready, {"ready": ready, "outputs": outputs}


def _trouble(stats: Stats) -> str:
    """Why the output does not take every line; empty if it does."""
    if stats.state not in READY:
        return stats.last_error
    return f"{stats.held} files wait: {stats.held_reason}" if stats.held else ""


def waiting_s(stats: Stats) -> float:
    """The age of the oldest line that is not acknowledged; 0 if all are."""
    oldest_s = stats.oldest_s
    return 0.0 if oldest_s is None else max(0.0, time.time() - oldest_s)


def counters(service: Service) -> dict[str, Any]:
    """The sums under the names of Filebeat's `/stats`, and each output's own counters."""
    all_stats = [pipeline.stats for pipeline in service.pipelines.values()]
    return {
        "beat": {
            "info": {
                "name": "mcp-shipper",
                "version": __version__,
                "uptime": {"ms": round((time.monotonic() - _started_s) * 1000)},
            },
            "memstats": {"rss": _resident_bytes()},
        },
        "filebeat": {"harvester": _harvester(all_stats)},
        "libbeat": _libbeat(service, all_stats),
        "outputs": {name: _own(pipeline.stats) for name, pipeline in service.pipelines.items()},
        "record": service.usage.measure().plain(),
    }


def _harvester(all_stats: Sequence[Stats]) -> dict[str, int]:
    """Counters of followed files: not sums, because each output follows the same files."""
    names = {
        "open_files": "open_files",
        "running": "files",
        "started": "started",
        "closed": "closed",
        "skipped": "left_out",
    }
    return {
        name: max((getattr(stats, counter) for stats in all_stats), default=0)
        for name, counter in names.items()
    }


def _libbeat(service: Service, all_stats: Sequence[Stats]) -> dict[str, Any]:
    """Filebeat's names for counters that mean the same here; there is no `queue` to report."""
    total = {name: sum(getattr(stats, name) for stats in all_stats) for name in COUNTERS}
    active = sum(stats.active for stats in all_stats)
    settled = total["delivered"] + total["rejected"]
    return {
        "output": {
            "type": ",".join(service.pipelines),
            "events": {
                "acked": total["delivered"],
                "active": active,
                "batches": total["batches"],
                "dead_letter": total["rejected"],
                "dropped": 0,  # never
                "duplicates": total["duplicates"],
                "failed": total["retried"],
                "failure_store": total["diverted"],
                "total": settled + total["retried"] + active,
            },
        },
        "pipeline": {
            "events": {
                "active": active,
                "dropped": 0,
                "filtered": total["filtered"],
                "published": total["read_lines"],
                "retry": total["retried"],
                "total": total["read_lines"] + total["filtered"] + active,
            }
        },
    }


def _own(stats: Stats) -> dict[str, Any]:
    """One output's counters, with ages instead of times: a monotonic time means nothing outside."""
    values = asdict(stats)
    del values["last_ack_monotonic"], values["oldest_s"]
    values["account"] = stats.account.plain()
    values["delivery_success_rate"] = stats.account.delivery_success_rate
    acked = stats.last_ack_monotonic
    return values | {
        "state": stats.state.value,
        "last_ack_age_s": None if acked is None else round(time.monotonic() - acked, 3),
        "oldest_unacknowledged_s": round(waiting_s(stats), 3),
    }


#: Close enough to the start of the process: `run` loads this module when it starts.
_started_s = time.monotonic()


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _resident_bytes() -> int | None:
    """The process's memory; None if there is no /proc."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return None
