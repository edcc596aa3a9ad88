"""MCP Security Overview: who does what, what is refused, and what looks like an attack."""

from shipper.assets.generate.kibana.model import (
    BAD,
    GOOD,
    PLAIN,
    RATIO,
    Column,
    Dashboard,
    Heatmap,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Share,
    Table,
    cases,
    count,
    highest,
    newest,
    over_time,
    row,
    top,
    unique,
)
from shipper.assets.generate.kibana.navigation import OVERVIEW, TITLES, strip

_FAILED = "event.outcome : failure"
_AUTH = "event.dataset : mcp.auth"
_DENIED = "event.dataset : mcp.authz and mcp.authz.decision : deny"
_TOOL_EVENTS = "event.dataset : mcp.tools"
_VIOLATIONS = "event.dataset : mcp.violations"
_THREATS = "event.dataset : mcp.threats"

_SUMMARY = (
    Panel("Events", Metric(count("Events"), "recorded")),
    Panel("Users", Metric(unique("Users", "user.id"), "seen")),
    Panel("Failures", Metric(count("Failures", _FAILED), "of any kind")),
    Panel("Failed logins", Metric(count("Failed logins", f"{_AUTH} and {_FAILED}"), "or tokens")),
    Panel("Denied", Metric(count("Denied", _DENIED), "requests")),
    Panel(
        "Violations", Metric(count("Violations", _VIOLATIONS), "of policy or protocol", alarm=BAD)
    ),
    Panel("Threats", Metric(count("Threats", _THREATS), "seen by detectors", alarm=BAD)),
    Panel(
        "Let through",
        Metric(
            count("Let through", f"{_THREATS} and mcp.threat.blocked : false"),
            "threats",
            alarm=BAD,
        ),
    ),
)

_TRENDS = (
    Panel(
        "Events by outcome",
        Series(
            "bar_stacked",
            over_time(),
            (
                count("Success", "event.outcome : success", GOOD),
                count("Failure", _FAILED, BAD),
                count("Unknown", "event.outcome : unknown", PLAIN),
            ),
        ),
        width=32,
    ),
    Panel("Event types", Share(top("Event type", "event.dataset"), count("Events"))),
)

_REFUSALS = (
    Panel(
        "Failed authentications by reason",
        Series(
            "bar_stacked",
            over_time(),
            (count("Failures"),),
            top("Reason", "event.reason", 6, others=True),
            palette="warm",
        ),
        where=f"{_AUTH} and {_FAILED}",
    ),
    Panel(
        "Denied requests by rule",
        Series(
            "bar_stacked",
            over_time(),
            (count("Denied"),),
            top("Rule", "rule.name", 6, others=True),
            palette="warm",
        ),
        where=_DENIED,
    ),
)


def _hours() -> Column:
    """A bucket for each hour, also for those without events: panels side by side line up."""
    return cases("Hour", {f"{hour:02}": f'hour_of_day : "{hour:02}"' for hour in range(24)})


def _days() -> Column:
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return cases("Day", {name: f'day_of_week : "{n} {name}"' for n, name in enumerate(names, 1)})


_HOURS = (
    Panel(
        "Events by hour (UTC)",
        Heatmap(_hours(), _days(), count("Events")),
    ),
    Panel(
        "Failures by hour (UTC)",
        Heatmap(_hours(), _days(), count("Failures")),
        where=_FAILED,
    ),
)

_PEOPLE = (
    Panel(
        "Users",
        Table(
            (row("User", "user.id", 50),),
            (
                count("Events"),
                count("Failures", _FAILED),
                count("Denied", _DENIED),
                count("Violations", _VIOLATIONS),
                unique("Tools", "gen_ai.tool.name"),
                unique("Addresses", "source.ip"),
                newest("Last seen"),
            ),
        ),
        width=28,
    ),
    Panel(
        "Addresses with failures",
        Table(
            (row("Address", "source.ip", 50),),
            (
                count("Failures"),
                count("Failed logins", _AUTH),
                unique("Users", "user.id"),
                newest("Last seen"),
            ),
        ),
        where=_FAILED,
    ),
)

_ATTACKS = (
    Panel(
        "Violations by type and action taken",
        Series(
            "bar_horizontal_stacked",
            top("Violation", "mcp.violation.type"),
            (count("Violations"),),
            top("Action taken", "mcp.violation.action_taken", 5),
        ),
        where=_VIOLATIONS,
        width=20,
    ),
    Panel(
        "Threats",
        Table(
            (
                row("Threat", "mcp.threat.type", 20),
                row("Technique", "threat.technique.id", 3),
            ),
            (
                count("Seen"),
                count("Blocked", "mcp.threat.blocked : true"),
                highest("Confidence", "mcp.threat.confidence", shown=RATIO),
                unique("Users", "user.id"),
                newest("Last seen"),
            ),
        ),
        where=_THREATS,
    ),
)

_TOOLS = (
    Panel(
        "Calls by tool and user",
        Heatmap(top("User", "user.id", 12), top("Tool", "gen_ai.tool.name", 15), count("Calls")),
        where=_TOOL_EVENTS,
    ),
    Panel(
        "Denied tools",
        Series(
            "bar_horizontal_stacked",
            top("Tool", "gen_ai.tool.name"),
            (count("Denied"),),
            top("User", "user.id", 6, others=True),
        ),
        where=_DENIED,
        width=20,
    ),
)

DASHBOARD = Dashboard(
    OVERVIEW,
    f"[MCP] {TITLES[OVERVIEW]}",
    "Who uses MCP servers, what is refused, and what looks like an attack.",
    "30d",
    (
        strip(),
        PanelRow(6, _SUMMARY),
        PanelRow(13, _TRENDS),
        PanelRow(11, _REFUSALS),
        PanelRow(11, _HOURS),
        PanelRow(17, _PEOPLE),
        PanelRow(12, _ATTACKS),
        PanelRow(14, _TOOLS),
        PanelRow(15, (Panel("Threats and alerts", Saved("mcp-threats")),)),
    ),
)
