"""MCP Agents and Servers: from what an agent intended to what its calls did at the servers.

Elastic's packages for Claude Code and Cowork record the agent, and we record the server. The id of
the tool call joins them (`gen_ai.tool.call.id`), or the trace where a host passes no id on.
"""

from shipper.assets.generate.kibana.model import (
    AGENTS_VIEW,
    BAD,
    CALM,
    GOOD,
    WARN,
    Dashboard,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Table,
    count,
    latest,
    newest,
    over_time,
    row,
    unique,
)
from shipper.assets.generate.kibana.navigation import AGENTS, TITLES, strip
from shipper.assets.generate.kibana.saved import DECISION

_CALL, _TOOL, _TRACE = "gen_ai.tool.call.id", "gen_ai.tool.name", "trace.id"
_SERVER = "event.module : mcp"
_AT_SERVERS = "event.module : mcp and event.dataset : mcp.tools"
_PROMPTED, _DECIDED = "event.action : user_prompt", "event.action : tool_decision"
_BY_AGENTS = "event.action : tool_result"
_REJECTED = f"{DECISION} : reject"
_DENIED = "event.dataset : mcp.authz and mcp.authz.decision : deny"
_FAILED = f"{_AT_SERVERS} and event.outcome : failure"

_SUMMARY = (
    Panel("Prompts", Metric(count("Prompts"), "to agents"), where=_PROMPTED),
    Panel("Rejected", Metric(count("Rejected"), "by people, at the agent"), where=_REJECTED),
    Panel(
        "Calls by agents", Metric(unique("Calls by agents", _CALL), "with an id"), where=_BY_AGENTS
    ),
    Panel(
        "Calls at servers",
        Metric(unique("Calls at servers", _CALL), "with an id"),
        where=_AT_SERVERS,
    ),
    Panel("Denied", Metric(count("Denied"), "by policy, at the server"), where=_DENIED),
    Panel("Failed", Metric(count("Failed"), "at the server"), where=_FAILED),
)

_TREND = (
    Panel(
        "From intent to impact",
        Series(
            "line",
            over_time(),
            (
                count("Prompts", _PROMPTED, CALM),
                count("Calls by agents", _BY_AGENTS, WARN),
                count("Calls at servers", f"{_AT_SERVERS} and {_CALL} : *", GOOD),
                count("Denied at servers", _DENIED, BAD),
            ),
        ),
        where=f"{_PROMPTED} or {_BY_AGENTS} or {_SERVER}",
    ),
)

#: Ranked by time, so that the indices of agents and ours answer about the same calls: each shard
#: gives its own top values, and by number they would differ.
_COUNTS = (
    latest("Last"),
    count("Decided", _DECIDED),
    count("Agent", _BY_AGENTS),
    count("Server", _SERVER),
)
_WHAT_CAME_OF_IT = (
    newest("User", "user.id", f"{_SERVER} and user.id : *"),
    newest("Outcome", "event.outcome", f"{_SERVER} and event.outcome : *"),
)

_CALLS = (
    Panel(
        "Calls: the agent's events and the server's",
        Table(
            (row("Call", _CALL, 50),),
            (*_COUNTS, newest("Tool", _TOOL), *_WHAT_CAME_OF_IT),
        ),
        where=f"{_CALL} : *",
    ),
)

_TRACES = (
    Panel(
        "Traces",
        Table((row("Trace", _TRACE, 50),), (*_COUNTS, *_WHAT_CAME_OF_IT)),
        where=f"{_TRACE} : *",
    ),
)

DASHBOARD = Dashboard(
    AGENTS,
    f"[MCP] {TITLES[AGENTS]}",
    "What agents intended, what they called, and what it did at the servers, joined by call.",
    "7d",
    (
        strip(),
        PanelRow(6, _SUMMARY),
        PanelRow(11, _TREND),
        PanelRow(18, _CALLS),
        PanelRow(14, _TRACES),
        PanelRow(15, (Panel("Events of the calls", Saved("mcp-agent-calls")),)),
    ),
    AGENTS_VIEW,
)
