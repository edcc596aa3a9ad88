"""MCP Security Overview: who does what, what is refused, and what looks like an attack."""

from shipper.assets.generate.kibana.model import (
    BAD,
    CALM,
    GOOD,
    PLAIN,
    WARN,
    Dashboard,
    Heatmap,
    Metric,
    Panel,
    PanelRow,
    Saved,
    Series,
    Share,
    Table,
    count,
    each,
    highest,
    newest,
    over_time,
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
    Panel("Events", Metric(count("Events", color=CALM), "recorded")),
    Panel("Users", Metric(unique("Users", "user.id"), "seen")),
    Panel("Failures", Metric(count("Failures", _FAILED, WARN), "of any kind")),
    Panel(
        "Failed logins", Metric(count("Failed logins", f"{_AUTH} and {_FAILED}", WARN), "or tokens")
    ),
    Panel("Denied", Metric(count("Denied", _DENIED, WARN), "decisions")),
    Panel("Violations", Metric(count("Violations", _VIOLATIONS, BAD), "of policy or protocol")),
    Panel("Threats", Metric(count("Threats", _THREATS, BAD), "seen by detectors")),
    Panel(
        "Let through",
        Metric(count("Let through", f"{_THREATS} and mcp.threat.blocked : false", BAD), "threats"),
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
    Panel("Event types", Share(top("Event type", "mcp.audit.type"), count("Events"))),
)

_REFUSALS = (
    Panel(
        "Failed authentications by reason",
        Series("bar_stacked", over_time(), (count("Failures"),), top("Reason", "event.reason", 6)),
        where=f"{_AUTH} and {_FAILED}",
    ),
    Panel(
        "Denied requests by rule",
        Series("bar_stacked", over_time(), (count("Denied"),), top("Rule", "rule.name", 6)),
        where=_DENIED,
    ),
)

_HOURS = (
    Panel(
        "Events by hour (UTC)",
        Heatmap(each("Hour", "hour_of_day", 24), each("Day", "day_of_week", 7), count("Events")),
    ),
    Panel(
        "Failures by hour (UTC)",
        Heatmap(each("Hour", "hour_of_day", 24), each("Day", "day_of_week", 7), count("Failures")),
        where=_FAILED,
    ),
)

_PEOPLE = (
    Panel(
        "Users",
        Table(
            (top("User", "user.id", 50),),
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
            (top("Address", "source.ip", 50),),
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
                top("Threat", "mcp.threat.type", 20),
                top("Technique", "threat.technique.id", 3),
            ),
            (
                count("Seen"),
                count("Blocked", "mcp.threat.blocked : true"),
                highest("Confidence", "mcp.threat.confidence", decimals=2),
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
        Heatmap(top("Tool", "gen_ai.tool.name", 15), top("User", "user.id", 12), count("Calls")),
        where=_TOOL_EVENTS,
    ),
    Panel(
        "Denied tools",
        Series(
            "bar_horizontal_stacked",
            top("Tool", "gen_ai.tool.name"),
            (count("Denied"),),
            top("User", "user.id", 6),
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
        strip(OVERVIEW),
        PanelRow(6, _SUMMARY),
        PanelRow(13, _TRENDS),
        PanelRow(11, _REFUSALS),
        PanelRow(11, _HOURS),
        PanelRow(14, _PEOPLE),
        PanelRow(12, _ATTACKS),
        PanelRow(14, _TOOLS),
        PanelRow(15, (Panel("Threats and alerts", Saved("mcp-threats")),)),
    ),
)
