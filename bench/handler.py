"""What one audit event costs the thread that logs it, beside ecs-logging's formatter.

python -m bench.handler [--rounds N] [--calls N]

The same tool calls go through our handler (catalog, redaction, hash chain, file) and through
ecs-logging's formatter with a FileHandler (none of these), in turns within one process; and through
a handler that does nothing, for what `logging` itself takes. No two calls have the same content,
so that nothing is found that was prepared for the call before.
"""

import argparse
import json
import logging
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import ecs_logging
from rich.console import Console
from rich.table import Table

from bench.make_events import WORDS
from shipper import AuditHandler, create_tool_execution_event

Call = dict[str, object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=1000)
    options = parser.parse_args()
    pick = random.Random(7)
    calls = [_call(pick) for _ in range(options.calls)]
    took: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="mcp-shipper-bench-") as folder:
        contenders = _contenders(Path(folder))
        for _ in range(options.rounds + 1):
            for name, log in contenders.items():
                took[name] += _times_us(log, calls)
        _show({name: times[options.calls :] for name, times in took.items()})  # the first warms up
        logging.shutdown()


def _call(pick: random.Random) -> Call:
    """A tool call as most are: three or four arguments, one line of result."""
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

    return {"mcp-shipper": log_ours, "ecs-logging": log_theirs, "logging alone": log_nothing}


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


def _show(took: dict[str, list[float]]) -> None:
    figures = {
        name: {
            "median_us": round(statistics.median(times), 1),
            "p99_us": round(statistics.quantiles(times, n=100)[98], 1),
        }
        for name, times in took.items()
    }
    ours = figures["mcp-shipper"]["median_us"]
    table = Table(title="one tool call, on the caller's thread", title_justify="left", box=None)
    for heading in ("", "median µs", "p99 µs", "ours / it"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figure in figures.items():
        ratio = "" if name == "mcp-shipper" else f"{ours / figure['median_us']:.2f}"
        table.add_row(name, f"{figure['median_us']}", f"{figure['p99_us']}", ratio)
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
