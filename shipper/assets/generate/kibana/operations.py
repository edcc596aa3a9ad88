"""MCP Operations: load, latency, cost, why calls fail, and how the shippers are doing."""

from shipper.assets.generate.kibana.model import (
    BAD,
    BYTES,
    CALM,
    GOOD,
    MONEY,
    WARN,
    Dashboard,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Share,
    Table,
    count,
    newest,
    over_time,
    percentile,
    row,
    top,
    total,
    unique,
)
from shipper.assets.generate.kibana.navigation import OPERATIONS, TITLES, strip

_CALLS = "event.dataset : mcp.tools and gen_ai.tool.name : *"
_FAILED = "event.outcome : failure"
_LIMITED = "event.dataset : mcp.ratelimits"
_SHIPPER = "service.name : mcp-shipper"
_DEAD_LETTERS = "mcp.compliance.operation : lines-quarantined"
_DURATION, _COST, _TOOL = "event.duration", "mcp.cost.amount", "gen_ai.tool.name"

_SUMMARY = (
    Panel("Tool calls", Metric(count("Tool calls")), where=_CALLS),
    Panel("Failed calls", Metric(count("Failed calls", _FAILED)), where=_CALLS),
    Panel("Median", Metric(percentile("Median", _DURATION, 50), "of calls"), where=_CALLS),
    Panel(
        "95th percentile",
        Metric(percentile("95th percentile", _DURATION, 95), "of calls"),
        where=_CALLS,
    ),
    Panel("Cost", Metric(total("Cost", _COST, shown=MONEY), "estimated")),
    Panel("Bytes read", Metric(total("Bytes read", "mcp.resource.size", shown=BYTES))),
    Panel("Sessions", Metric(unique("Sessions", "mcp.session.id"))),
    Panel("Limits reached", Metric(count("Limits reached", _LIMITED))),
)

_LOAD = (
    Panel(
        "Latency of tool calls",
        Series(
            "line",
            over_time(),
            (
                percentile("50th percentile", _DURATION, 50, GOOD),
                percentile("95th percentile", _DURATION, 95, WARN),
                percentile("99th percentile", _DURATION, 99, BAD),
            ),
        ),
        where=_CALLS,
    ),
    Panel(
        "Events by service",
        Series("area_stacked", over_time(), (count("Events"),), top("Service", "service.name", 6)),
    ),
)

_TOOLS = (
    Panel(
        "Tools",
        Table(
            (row("Tool", _TOOL, 50),),
            (
                count("Calls"),
                count("Failures", _FAILED),
                count("Cancelled", "event.outcome : unknown"),
                unique("Users", "user.id"),
                percentile("Median", _DURATION, 50),
                percentile("95th", _DURATION, 95),
                total("Cost", _COST, shown=MONEY),
            ),
        ),
        where=_CALLS,
        width=30,
    ),
    Panel(
        "Slowest tools (95th percentile)",
        Series("bar_horizontal", top("Tool", _TOOL), (percentile("95th", _DURATION, 95, WARN),)),
        where=_CALLS,
    ),
)

_COSTS = (
    Panel(
        "Cost by tool",
        Series(
            "bar_stacked",
            over_time(),
            (total("Cost", _COST, shown=MONEY),),
            top("Tool", _TOOL, 6, others=True),
        ),
        where=_CALLS,
        width=30,
    ),
    Panel(
        "Cost by user",
        Series(
            "bar_horizontal",
            top("User", "user.id"),
            (total("Cost", _COST, shown=MONEY, color=CALM),),
        ),
        where=_CALLS,
    ),
)

_FAILURES = (
    Panel(
        "Failed calls by tool",
        Series(
            "bar_stacked",
            over_time(),
            (count("Failed"),),
            top("Tool", _TOOL, 6, others=True),
            palette="warm",
        ),
        where=f"{_CALLS} and {_FAILED}",
    ),
    Panel(
        "Reasons and errors",
        Table(
            (
                row("Dataset", "event.dataset", 10),
                row("Reason", "event.reason", 10),
                row("Error", "error.type", 10),
            ),
            (count("Failures"), unique("Tools", _TOOL), unique("Users", "user.id"), newest("Last")),
        ),
        where=_FAILED,
    ),
)

_SHIPPERS = (
    Panel(
        "Shippers by host",
        Table(
            (row("Host", "host.name", 20),),
            (
                count("Starts", "mcp.compliance.operation : shipper-start"),
                count("Stops", "mcp.compliance.operation : shipper-stop"),
                total("Dead letters", "mcp.compliance.records", _DEAD_LETTERS),
                newest("Newest event"),
            ),
        ),
        where=_SHIPPER,
    ),
    Panel(
        "Dead letters",
        Series(
            "bar_stacked",
            over_time(),
            (total("Lines", "mcp.compliance.records", color=WARN),),
            top("Host", "host.name", 6),
        ),
        where=_DEAD_LETTERS,
    ),
)

_TRAFFIC = (
    Panel("Methods", Share(top("Method", "mcp.method.name", 8, others=True), count("Events"))),
    Panel(
        "Limits reached over time",
        Series("bar_stacked", over_time(), (count("Times"),), top("Limit", "mcp.rate_limit.name")),
        where=_LIMITED,
    ),
    Panel(
        "Clients",
        Table(
            (row("Client", "mcp.client.name", 20), row("Version", "mcp.client.version", 5)),
            (
                count("Events"),
                count("Failures", _FAILED),
                unique("Users", "user.id"),
                newest("Last seen"),
            ),
        ),
        width=20,
    ),
)

DASHBOARD = Dashboard(
    OPERATIONS,
    f"[MCP] {TITLES[OPERATIONS]}",
    "Load, latency and cost of MCP servers, why calls fail, and how the shippers are doing.",
    "7d",
    (
        strip(),
        PanelRow(6, _SUMMARY),
        PanelRow(13, _LOAD),
        PanelRow(18, _TOOLS),
        PanelRow(12, _COSTS),
        PanelRow(17, _FAILURES),
        PanelRow(16, _TRAFFIC),
        PanelRow(10, _SHIPPERS),
        PanelRow(15, (Panel("Failures", Saved("mcp-failures")),)),
    ),
)
