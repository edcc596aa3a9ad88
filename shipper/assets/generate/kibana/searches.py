"""The saved searches: the start of an analysis, and the targets of the dashboards' links."""

from shipper.assets.generate.kibana.model import Search

_WHO = ("user.id", "mcp.client.id", "source.ip")

SEARCHES: tuple[Search, ...] = (
    Search(
        "mcp-events",
        "[MCP] All events",
        "Every audit event, newest first.",
        "",
        ("mcp.audit.type", "event.action", "event.outcome", "user.id", "gen_ai.tool.name"),
    ),
    Search(
        "mcp-failures",
        "[MCP] Failures",
        "What ended in failure, and why.",
        "event.outcome : failure",
        ("mcp.audit.type", "event.action", "event.reason", "error.type", "user.id"),
    ),
    Search(
        "mcp-denied",
        "[MCP] Denied decisions",
        "What a policy denied or put to a person.",
        "event.dataset : mcp.authz and mcp.authz.decision : (deny or ask)",
        ("mcp.authz.decision", "rule.name", "gen_ai.tool.name", "mcp.method.name", *_WHO),
    ),
    Search(
        "mcp-threats",
        "[MCP] Threats and alerts",
        "What detectors and rules saw.",
        "event.dataset : mcp.threats or event.kind : alert",
        ("mcp.threat.type", "mcp.threat.confidence", "mcp.threat.blocked", "rule.name", *_WHO),
    ),
    Search(
        "mcp-violations",
        "[MCP] Policy violations",
        "Requests that broke a rule, and what was done about it.",
        "event.dataset : mcp.violations",
        ("mcp.violation.type", "log.level", "mcp.violation.action_taken", "rule.name", *_WHO),
    ),
    Search(
        "mcp-losses",
        "[MCP] Losses of the record",
        "Where the record itself says that events are missing, or that fields were left out.",
        "(event.dataset : mcp.compliance and event.outcome : failure)"
        " or mcp.audit.dropped_fields > 0",
        (
            "mcp.compliance.operation",
            "mcp.compliance.records",
            "mcp.audit.dropped_fields",
            "host.hostname",
            "mcp.audit.stream.id",
        ),
    ),
    Search(
        "mcp-user-trail",
        "[MCP] One user's trail",
        "Everything known users did, in order: add a filter on user.id for one of them.",
        "user.id : *",
        (
            "user.id",
            "event.action",
            "event.outcome",
            "gen_ai.tool.name",
            "mcp.resource.uri",
            "mcp.authz.decision",
            "source.ip",
        ),
    ),
)
