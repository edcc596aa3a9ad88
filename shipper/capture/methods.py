"""Which event each JSON-RPC method becomes: one table."""

from collections.abc import Mapping
from dataclasses import dataclass

from shipper.catalog import MCPEventType

_TOOL = MCPEventType.TOOL_EXECUTION
_RESOURCE = MCPEventType.RESOURCE_ACCESS
_PROMPT = MCPEventType.PROMPT_REQUEST
_AUTH = MCPEventType.AUTHENTICATION
_LISTING = ("access", "info")


@dataclass(frozen=True, slots=True)
class Row:
    """What a request is recorded as: event type, `event.action`, `event.category`, `event.type`."""

    event_type: MCPEventType
    action: str
    category: tuple[str, ...] = ("api",)
    types: tuple[str, ...] = ("access",)


METHODS: Mapping[str, Row] = {
    "initialize": Row(_AUTH, "session-initialize", ("session",), ("start",)),
    "server/discover": Row(_AUTH, "server-discover", ("session",), ("info",)),
    "tools/list": Row(_TOOL, "tool-list", types=_LISTING),
    "tools/call": Row(_TOOL, "tool-call"),
    "resources/list": Row(_RESOURCE, "resource-list", types=_LISTING),
    "resources/templates/list": Row(_RESOURCE, "resource-list", types=_LISTING),
    "resources/read": Row(_RESOURCE, "resource-read"),
    "resources/subscribe": Row(_RESOURCE, "resource-subscribe"),
    "resources/unsubscribe": Row(_RESOURCE, "resource-unsubscribe", types=("end",)),
    "subscriptions/listen": Row(_RESOURCE, "subscription-listen", ("session", "api"), ("start",)),
    "prompts/list": Row(_PROMPT, "prompt-list", types=_LISTING),
    "prompts/get": Row(_PROMPT, "prompt-get"),
    "completion/complete": Row(_PROMPT, "completion"),
    "logging/setLevel": Row(
        MCPEventType.COMPLIANCE, "log-level-set", ("configuration",), ("change",)
    ),
    "tasks/get": Row(_TOOL, "task-get", types=_LISTING),
    "tasks/result": Row(_TOOL, "task-result", types=_LISTING),
    "tasks/list": Row(_TOOL, "task-list", types=_LISTING),
    "tasks/update": Row(_TOOL, "task-update", types=("change",)),
    "tasks/cancel": Row(_TOOL, "task-cancel", types=("end",)),
}

#: Says only that somebody is there.
SILENT = frozenset({"ping"})

#: A method of the server's own, which it answers.
VENDOR = Row(_TOOL, "method-call")

#: A method that nobody serves: a client gone astray, or one that probes.
UNKNOWN = Row(MCPEventType.POLICY_VIOLATION, "method-unknown", types=("denied",))
