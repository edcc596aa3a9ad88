"""What capture adds to a tool call: the same server bare, with its hooks, and recorded.

Client and server are in one process and talk in memory, so there is no transport in the figures.
The contenders take turns. Of the rounds, the fastest of each call counts: other work on the machine
only adds to a call.
"""

import logging
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import fastmcp
import mcp
from mcp.server import MCPServer

from bench.report import Column, Report, Row
from shipper import AuditHandler, instrument

_AUDIT = logging.getLogger("mcp.audit")
_CALLS = 30
_ADDED = "added µs"
_RATIO = "to bare"
_COLUMNS = (
    Column("median µs", "{:,.0f}"),
    Column(_ADDED, "{:,.0f}"),
    Column(_RATIO, "{:.2f}"),
)
_STACKS: dict[str, Callable[[], Any]] = {
    "MCPServer": lambda: MCPServer("shop"),
    "FastMCP": lambda: fastmcp.FastMCP("shop"),
}


def calls(folder: Path, rounds: int) -> Report:
    """On each stack: the bare call, the hooks without a handler, and with one."""
    handler = AuditHandler(folder)
    _AUDIT.propagate = False  # the SDKs print in colour whatever reaches the root logger
    rows = []
    for name, make in _STACKS.items():
        took = anyio.run(_measured, make, handler, rounds)
        bare, *_ = took.values()
        rows += [_row(f"{name}, {what}", median, bare) for what, median in took.items()]
    logging.shutdown()
    return Report("capture", "One tool call in memory, with and without a record", _COLUMNS, rows)


async def _measured(
    make: Callable[[], Any], handler: AuditHandler, rounds: int
) -> dict[str, float]:
    best = {what: [float("inf")] * _CALLS for what in ("bare", "hooks", "hooks and handler")}
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(_client(_with_tool(make())))
        hooked = await stack.enter_async_context(_client(instrument(_with_tool(make()))))
        for _ in range(rounds):
            for what, client in zip(best, (bare, hooked, hooked), strict=True):
                if what == "hooks and handler":
                    _AUDIT.addHandler(handler)
                await _time(client, best[what])
                _AUDIT.removeHandler(handler)
    return {what: statistics.median(times) / 1000 for what, times in best.items()}


async def _time(client: Any, best: list[float]) -> None:
    """Keep the fewest nanoseconds of each call, after one to warm up."""
    await client.call_tool("run_query", {"query": "select 1", "limit": 1})
    for number, before in enumerate(best):
        given = {"query": f"select total from orders where n > {number * 0.37}", "limit": number}
        start = time.perf_counter_ns()
        await client.call_tool("run_query", given)
        best[number] = min(before, time.perf_counter_ns() - start)


def _with_tool(server: Any) -> Any:
    @server.tool()
    def run_query(query: str, limit: int) -> str:
        return f"{limit} rows of {len(query)}"

    return server


def _client(server: Any) -> Any:
    return (fastmcp if isinstance(server, fastmcp.FastMCP) else mcp).Client(server)


def _row(name: str, median: float, bare: float) -> Row:
    if median == bare:
        return Row(name, {"median µs": median, _ADDED: None, _RATIO: None})
    return Row(name, {"median µs": median, _ADDED: median - bare, _RATIO: median / bare})
