"""The saved searches: the start of an analysis, and the targets of the dashboards' links."""

from shipper.assets.generate.kibana.model import AGENTS_VIEW, Search

_WHO = ("user.name", "mcp.client.id", "source.ip")

SEARCHES: tuple[Search, ...] = (
    Search(
        "mcp-events",
        "[MCP] All events",
        "Every audit event, newest first.",
        "",
        (
            "event.dataset",
            "event.action",
            "event.outcome",
            "user.name",
            "gen_ai.tool.name",
            "message",
        ),
    ),
    Search(
        "mcp-failures",
        "[MCP] Failures",
        "Events that ended in failure, with the reason.",
        "event.outcome : failure",
        ("event.dataset", "event.action", "event.reason", "error.type", "user.name", "message"),
    ),
    Search(
        "mcp-denied",
        "[MCP] Denied requests",
        "Requests that a policy denied.",
        "event.dataset : mcp.authz and mcp.authz.decision : deny",
        ("mcp.authz.decision", "rule.name", "gen_ai.tool.name", "mcp.method.name", *_WHO),
    ),
    Search(
        "mcp-threats",
        "[MCP] Threats and alerts",
        "Threats that detectors found, and alerts that rules raised.",
        "event.dataset : mcp.threats or event.kind : alert",
        ("mcp.threat.type", "mcp.threat.confidence", "mcp.threat.blocked", "rule.name", *_WHO),
    ),
    Search(
        "mcp-violations",
        "[MCP] Policy violations",
        "Requests that broke a rule, with the action taken.",
        "event.dataset : mcp.violations",
        ("mcp.violation.type", "event.severity", "mcp.violation.action_taken", "rule.name", *_WHO),
    ),
    Search(
        "mcp-losses",
        "[MCP] Losses in the record",
        "Reports of lost events, and events with fields left out.",
        "(event.dataset : mcp.compliance and event.outcome : failure)"
        " or mcp.audit.dropped_fields > 0",
        (
            "mcp.compliance.operation",
            "mcp.compliance.records",
            "mcp.audit.dropped_fields",
            "host.name",
            "mcp.audit.stream.id",
        ),
    ),
    Search(
        "mcp-user-trail",
        "[MCP] One user's trail",
        "All events with a user id, newest first; filter on user.id to follow one user.",
        "user.id : *",
        (
            "user.id",
            "user.name",
            "event.action",
            "event.outcome",
            "gen_ai.tool.name",
            "mcp.resource.uri",
            "mcp.authz.decision",
            "source.ip",
        ),
    ),
    Search(
        "mcp-agent-calls",
        "[MCP] Calls of agents",
        "What an agent intended and did, and what the server recorded, call by call.",
        "gen_ai.tool.call.id : * or event.action : user_prompt",
        (
            "gen_ai.tool.call.id",
            "data_stream.dataset",
            "event.action",
            "gen_ai.tool.name",
            "user.id",
            "event.outcome",
        ),
        AGENTS_VIEW,
    ),
)
