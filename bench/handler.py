"""What one audit event costs the thread that logs it, compared with ecs-logging's formatter.

The same tool calls go through `AuditHandler` (catalog, redaction, hash chain, file), through
ecs-logging's formatter with a FileHandler (none of these), and through a handler that does nothing,
to measure `logging` itself. They take turns in one process. No two calls have the same content, so
no contender profits from caches of an earlier call.
"""

import logging
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import ecs_logging

from bench.make_events import WORDS
from bench.report import Column, Report, Row
from shipper import AuditHandler, create_tool_execution_event

Call = dict[str, object]

RATIO = "ours / it"


def recording(folder: Path, rounds: int, calls: int) -> Report:
    """Run all contenders in turn with the same calls, after one round to warm up."""
    pick = random.Random(7)
    same = [_call(pick) for _ in range(calls)]
    took: dict[str, list[float]] = defaultdict(list)
    contenders = _contenders(folder)
    for _ in range(rounds + 1):
        for name, log in contenders.items():
            took[name] += _times_us(log, same)
    logging.shutdown()
    return _report({name: times[calls:] for name, times in took.items()})


def _call(pick: random.Random) -> Call:
    """A typical tool call: three or four arguments, one line of result."""
    arguments = {
        "query": f"select {pick.choice(WORDS)} from {pick.choice(WORDS)} where n > {pick.random()}",
        "limit": pick.randrange(1000),
        "filter": {"fields": pick.sample(WORDS, 2)},
    }
    if pick.random() < 0.5:
        arguments["dry_run"] = True
    return {
        "user_id": f"user-{pick.randrange(400)}",
        "tool_name": f"{pick.choice(WORDS)}_{pick.choice(WORDS)}",
        "arguments": arguments,
        "result": " ".join(pick.sample(WORDS, 9))[:50],
        "duration_ms": pick.random() * 100,
        "cost": round(pick.random() / 100, 6),
        "session_id": pick.randbytes(8).hex(),
        "client_id": f"client-{pick.randrange(20)}",
        "source_ip": f"10.0.{pick.randrange(4)}.{pick.randrange(250)}",
        "correlation_id": pick.randbytes(8).hex(),
    }


def _contenders(folder: Path) -> dict[str, Callable[[Call], None]]:
    ours = _logger("ours", AuditHandler(folder))
    file_handler = logging.FileHandler(folder / "ecs.log")
    file_handler.setFormatter(ecs_logging.StdlibFormatter())
    theirs = _logger("theirs", file_handler)
    nobody = _logger("nobody", logging.NullHandler())

    def log_ours(call: Call) -> None:
        ours.info(create_tool_execution_event(**call))  # type: ignore[arg-type]  # as in `_call`

    def log_theirs(call: Call) -> None:
        fields = {
            "user.id": call["user_id"],
            "gen_ai.tool.name": call["tool_name"],
            "gen_ai.tool.call.arguments": call["arguments"],
            "mcp.tool.result.text": call["result"],
            "mcp.cost.amount": call["cost"],
            "mcp.session.id": call["session_id"],
            "mcp.client.id": call["client_id"],
            "mcp.correlation.id": call["correlation_id"],
            "source.ip": call["source_ip"],
            "event.duration": round(call["duration_ms"] * 1e6),  # type: ignore[operator]  # as above
            "event.action": "tool-call",
            "event.outcome": "success",
        }
        theirs.info("tool-call %s: success", call["tool_name"], extra=fields)

    def log_nothing(call: Call) -> None:
        nobody.info("tool-call %s: success", call["tool_name"])

    return {
        "mcp-shipper": log_ours,
        "ecs-logging's formatter with a FileHandler": log_theirs,
        "`logging` alone": log_nothing,
    }


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.getLogger(f"bench.{name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    return logger


def _times_us(log: Callable[[Call], None], calls: list[Call]) -> list[float]:
    times = []
    for call in calls:
        start = time.perf_counter_ns()
        log(call)
        times.append((time.perf_counter_ns() - start) / 1000)
    return times


def _report(took: dict[str, list[float]]) -> Report:
    medians = {name: statistics.median(times) for name, times in took.items()}
    ours, *_ = medians.values()
    columns = [Column("median µs", "{:.1f}"), Column("p99 µs", "{:.1f}"), Column(RATIO, "{:.2f}")]
    rows = []
    for name, times in took.items():
        values = {
            "median µs": medians[name],
            "p99 µs": statistics.quantiles(times, n=100)[98],
            RATIO: None if medians[name] == ours else ours / medians[name],
        }
        rows.append(Row(name, values))
    return Report("recording", "One tool call, on the caller's thread", columns, rows)
