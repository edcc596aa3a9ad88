"""What the pipelines need to make our events of foreign logs: tables, the same in each language.

Two pipelines do the same work, one in Ruby (Logstash) and one in Painless (Elasticsearch). What
they know is here, what they do in `scripts/`.
"""

import json
import re
from importlib.resources import files
from typing import Any

from shipper.catalog import Catalog, EventType, Scope, Sensitivity
from shipper.catalog.methods import Method, methods
from shipper.secrets import assigned
from shipper.secrets.numbers import IBAN_LENGTHS
from shipper.secrets.patterns import SHAPES, Shape

#: Fields of a JSON-RPC request, by method: path, how it is read, from where. `const` is a value,
#: `text` a string with something in it, `object` an object, `map` an object of one member, whose
#: name and value stand in two places; several places are tried in order.
ASKED: dict[str, list[list[str]]] = {
    "tools/call": [
        ["gen_ai.operation.name", "const", "execute_tool"],
        ["gen_ai.tool.name", "text", "name"],
        ["gen_ai.tool.call.arguments", "object", "arguments"],
    ],
    "prompts/get": [
        ["gen_ai.prompt.name", "text", "name"],
        ["mcp.prompt.arguments", "object", "arguments"],
    ],
    "completion/complete": [
        ["gen_ai.prompt.name", "text", "ref.name", "ref.uri"],
        ["mcp.prompt.arguments", "map", "argument.name", "argument.value"],
    ],
    "resources/list": [["mcp.resource.action", "const", "list"]],
    "resources/templates/list": [["mcp.resource.action", "const", "list"]],
    **{
        f"resources/{action}": [
            ["mcp.resource.action", "const", action],
            ["mcp.resource.uri", "text", "uri"],
            ["mcp.resource.type", "scheme", "uri"],
        ]
        for action in ("read", "subscribe", "unsubscribe")
    },
    "notifications/resources/updated": [
        ["mcp.resource.action", "const", "update"],
        ["mcp.resource.uri", "text", "uri"],
        ["mcp.resource.type", "scheme", "uri"],
    ],
    "subscriptions/listen": [
        ["mcp.resource.action", "const", "subscribe"],
        ["mcp.resource.uri", "texts", "notifications.resourceSubscriptions"],
    ],
    "tasks/get": [["mcp.task.id", "text", "taskId"]],
    "tasks/result": [["mcp.task.id", "text", "taskId"]],
    "tasks/update": [["mcp.task.id", "text", "taskId"]],
    "tasks/cancel": [["mcp.task.id", "text", "taskId"]],
    "logging/setLevel": [
        ["mcp.compliance.operation", "const", "config"],
        ["mcp.compliance.details", "wrap", "level"],
    ],
    "initialize": [
        ["mcp.client.name", "text", "clientInfo.name"],
        ["mcp.client.version", "text", "clientInfo.version"],
        ["mcp.protocol.version", "text", "protocolVersion"],
    ],
    "sampling/createMessage": [["gen_ai.request.model", "text", "modelPreferences.hints.0.name"]],
}
#: Fields of the result. `content` and `contents` are the blocks of a tool and of a resource.
ANSWERED: dict[str, list[list[str]]] = {
    "initialize": [["mcp.protocol.version", "text", "protocolVersion"]],
    "tools/call": [["", "content", "content"]],
    "resources/read": [["", "contents", "contents"]],
    "prompts/get": [["mcp.prompt.message_count", "count", "messages"]],
    "tools/list": [["mcp.result.count", "count", "tools"]],
    "resources/list": [["mcp.result.count", "count", "resources"]],
    "resources/templates/list": [["mcp.result.count", "count", "resourceTemplates"]],
    "prompts/list": [["mcp.result.count", "count", "prompts"]],
    "elicitation/create": [["mcp.elicitation.action", "text", "action"]],
}
#: What a result without its request was the answer to: the first member that it has.
INFERRED = [
    ["content", "tools/call"],
    ["structuredContent", "tools/call"],
    ["contents", "resources/read"],
    ["messages", "prompts/get"],
    ["tools", "tools/list"],
    ["resources", "resources/list"],
    ["resourceTemplates", "resources/templates/list"],
    ["prompts", "prompts/list"],
    ["completion", "completion/complete"],
    ["serverInfo", "initialize"],
]
#: Where a proxy's log keeps the message, whole or as text.
HOLDERS = [
    *("message", "msg", "payload", "body", "data", "rpc", "frame", "raw", "line", "log", "json"),
    "request",
    "response",
]
#: What loggers of the wire write beside the message, by what it is.
BESIDE: dict[str, list[str]] = {
    "@timestamp": ["timestamp", "time", "ts", "loggedAt", "logged_at", "datetime", "created_at"],
    "user.id": ["user_id", "userId", "user", "sub", "user.id", "jwt.sub"],
    "user.domain": ["issuer", "iss"],
    "mcp.client.id": ["client_id", "clientId"],
    "mcp.client.name": ["client_name"],
    "mcp.client.version": ["client_version"],
    "mcp.session.id": ["session_id", "sessionId", "mcp_session_id", "mcp-session-id", "session"],
    "source.ip": ["source_ip", "client_ip", "clientIp", "remote_addr", "remote_ip", "ip"],
    "user_agent.original": ["user_agent", "userAgent"],
    "mcp.correlation.id": ["correlation_id", "correlationId"],
    "http.request.id": ["request_id", "x_request_id"],
    "trace.id": ["trace_id", "traceId", "trace.id"],
    "span.id": ["span_id", "spanId", "span.id"],
    "event.duration": ["duration_ms", "durationMs", "latency_ms", "elapsed_ms"],
    "mcp.server.name": ["server", "server_name", "serverName", "target"],
    "network.transport": ["transport"],
    "mcp.protocol.version": ["protocol_version", "protocolVersion"],
}
TOOLHIVE: dict[str, list[str]] = {
    "@timestamp": ["loggedAt", "logged_at"],
    "user.id": ["subjects.user_id", "subjects.user"],
    "mcp.client.name": ["subjects.client_name"],
    "mcp.client.version": ["subjects.client_version"],
    "mcp.session.id": ["source.extra.session_id"],
    "source.ip": ["source.value"],
    "user_agent.original": ["source.extra.user_agent", "metadata.extra.user_agent"],
    "http.request.id": ["source.extra.request_id"],
    "event.duration": ["metadata.extra.duration_ms"],
    "mcp.server.name": ["metadata.extra.backend_name", "component"],
    "network.transport": ["metadata.extra.transport"],
    "mcp.protocol.version": ["metadata.extra.mcp_version"],
    "mcp.correlation.id": ["metadata.auditId", "audit_id"],
}
TOOLHIVE_TYPES = {
    "mcp_initialize": "initialize",
    "mcp_tool_call": "tools/call",
    "mcp_tools_list": "tools/list",
    "mcp_resource_read": "resources/read",
    "mcp_resources_list": "resources/list",
    "mcp_prompt_get": "prompts/get",
    "mcp_prompts_list": "prompts/list",
    "mcp_notification": "notifications/message",
    "mcp_ping": "ping",
    "mcp_logging": "logging/setLevel",
    "mcp_completion": "completion/complete",
    "mcp_roots_list_changed": "notifications/roots/list_changed",
}
AGENTGATEWAY: dict[str, list[str]] = {
    "@timestamp": ["time", "timestamp"],
    "user.id": ["jwt.sub"],
    "mcp.session.id": ["mcp.session.id"],
    "source.ip": ["src.addr"],
    "trace.id": ["trace.id"],
    "span.id": ["span.id"],
    "event.duration": ["duration"],
    "mcp.server.name": ["mcp.target"],
    "http.request.method": ["http.method"],
    "http.response.status_code": ["http.status"],
    "url.path": ["http.path"],
    "error.message": ["mcp.error.message", "error"],
    "error.code": ["mcp.error.code"],
}
CONTEXTFORGE: dict[str, list[str]] = {
    "@timestamp": ["timestamp"],
    "user.id": ["user_id", "user_email"],
    "source.ip": ["client_ip"],
    "user_agent.original": ["user_agent"],
    "mcp.correlation.id": ["correlation_id"],
    "http.request.id": ["request_id"],
    "trace.id": ["trace_id"],
    "span.id": ["span_id"],
    "event.duration": ["duration_ms"],
    "http.request.method": ["request_method"],
    "url.path": ["request_path"],
    "error.message": ["error_message"],
}
#: ContextForge's audit trail: resource type and action, in lower case, to the method.
CONTEXTFORGE_METHODS = {
    **{f"tool {verb}": "tools/call" for verb in ("execute", "invoke", "call", "tool_invocation")},
    **{f"resource {verb}": "resources/read" for verb in ("read", "access", "export")},
    **{f"prompt {verb}": "prompts/get" for verb in ("read", "access", "execute")},
}
#: What else it does to its own objects: a change of configuration, by ECS type.
CHANGES = {"create": "creation", "import": "creation", "update": "change", "delete": "deletion"}


#: Fields that shippers add, which say where a line came from: they stay beside the event.
ORIGIN = [
    *("agent", "cloud", "container", "host", "input", "kubernetes", "log", "orchestrator", "tags"),
    *("@metadata", "@version", "fields", "ecs", "event", "data_stream"),
]

SEVERITIES = {"info": 0, "warning": 47, "high": 73, "critical": 99}
SUBJECTS = ["gen_ai.tool.name", "mcp.resource.uri", "gen_ai.prompt.name", "mcp.method.name"]
SCHEMES = {"file": "file"} | dict.fromkeys(
    ("mongodb", "mysql", "postgres", "postgresql", "redis", "sqlite"), "database"
)


def tables(catalog: Catalog, scope: Scope) -> dict[str, Any]:
    """All that the scripts know, as plain JSON."""
    table = methods()
    rows = catalog.event_types
    return {
        "types": {name: _constants(row, catalog, scope) for name, row in rows.items()},
        "kinds": {path: _kind(path, catalog) for path in catalog.fields},
        "methods": {
            name: _method(row) for name, row in {**table.requests, **table.from_server}.items()
        },
        "served": _method(table.served),
        "unserved": _method(table.unserved),
        "silent": sorted(table.silent),
        "asked": ASKED,
        "answered": ANSWERED,
        "inferred": INFERRED,
        "holders": HOLDERS,
        "origin": ORIGIN,
        "beside": BESIDE,
        "toolhive": TOOLHIVE,
        "toolhive_types": TOOLHIVE_TYPES,
        "agentgateway": AGENTGATEWAY,
        "contextforge": CONTEXTFORGE,
        "contextforge_methods": CONTEXTFORGE_METHODS,
        "changes": CHANGES,
        "severities": SEVERITIES,
        "subjects": SUBJECTS,
        "schemes": SCHEMES,
        "ibans": IBAN_LENGTHS,
    }


def in_ruby(catalog: Catalog, scope: Scope) -> str:
    """The Logstash script with its tables in it."""
    shapes = [(shape.kind, _ruby_shape(shape), shape.token) for shape in SHAPES]
    everything = {
        **tables(catalog, scope),
        "patterns": {name: ruby(pattern) for name, pattern in _PATTERNS.items()},
        "shapes": shapes,
    }
    return script("mcp_normalise.rb").replace("@TABLES@", json.dumps(everything, indent=1))


def script(name: str) -> str:
    """The text of a script, as it lies in the package."""
    return files("shipper.assets").joinpath("scripts", name).read_text(encoding="utf-8")


def _ruby_shape(shape: Shape) -> str:
    """Two shapes are more than a pattern: the script has code for them, by name."""
    return ruby(shape.pattern) if shape.pattern else _CODED[shape.kind]


def _body(pattern: re.Pattern[str]) -> str:
    return re.sub(r"\A\s*\(\?[aimsx]+\)", "", pattern.pattern)


_CODED = {"authorization": "basic", "password": "assigned"}
_PATTERNS = {
    "secret_name": assigned.SECRET_NAME.pattern,
    "last_word": assigned.LAST_WORD.pattern,
    "harmless": rf"(?x)\A(?:{_body(assigned.HARMLESS)})\Z",
    "assignment": f"(?ix)(?:{_body(assigned.ASSIGNMENT)})",
    "value": rf"(?isx)\A(?:{_body(assigned.VALUE)})",
    "masked": rf"(?x)\A(?:{_body(assigned.MASKED)})",
}


def _method(row: Method) -> dict[str, Any]:
    return {
        "type": str(row.event_type),
        "event.action": row.action,
        "event.category": list(row.category),
        "event.type": list(row.types),
    }


def _constants(row: EventType, catalog: Catalog, scope: Scope) -> dict[str, Any]:
    """What every event of the type says, as the record line writes it."""
    return {
        "data_stream.type": "logs",
        "data_stream.dataset": row.dataset,
        "data_stream.namespace": "default",
        "ecs.version": catalog.ecs_version,
        "event.action": row.action,
        "event.category": list(row.category),
        "event.dataset": row.dataset,
        "event.kind": row.kind,
        "event.module": "mcp",
        "event.type": list(row.type),
        "mcp.audit.classification": str(row.classification),
        "mcp.audit.frameworks": [
            name for name in scope.frameworks if row.name in catalog.frameworks[name].requires
        ],
        "mcp.audit.level": str(scope.level),
        "mcp.audit.retention_days": scope.retention_days_of(row.name, catalog),
        "mcp.audit.type": row.name,
    }


def _kind(path: str, catalog: Catalog) -> str:
    """How a value is brought into the form of its field; as in the record line."""
    field = catalog.fields[path]
    if field.sensitivity is Sensitivity.SECRET:
        return "secret"
    if field.type == "match_only_text" or path == "event.reason":
        return "prose"
    if field.type in {"flattened", "boolean", "long", "ip", "date"}:
        return field.type
    if field.type in {"float", "double"}:
        return "real"
    return "person" if field.sensitivity is Sensitivity.PERSONAL else "word"


_ATOM = r"(\[(?:\\.|[^\]\\])*\]|\\.|[\w=])"


def compact(pattern: str, flags: int = 0) -> str:
    """A pattern of Python's without the blanks and remarks that `(?x)` allows."""
    head = re.match(r"\s*\(\?([aimsx]+)\)", pattern)
    letters = (head[1] if head else "") + ("x" if flags & re.VERBOSE else "")
    body = pattern[head.end() :] if head else pattern
    if "x" in letters:
        kept = re.findall(r"\[(?:\\.|[^\]\\])*\]|\\.|\(\?#|[^\s]", body, re.DOTALL)
        body = "".join(kept)
    kept_flags = "".join(letter for letter in letters if letter in "ims")
    return f"(?{kept_flags}){body}" if kept_flags else body


def ruby(pattern: str, flags: int = 0) -> str:
    """The same for Ruby: other words for named groups, for `.` at line ends, and possessive."""
    text = compact(pattern, flags).replace("(?P<", "(?<").replace(r"\Z", r"\z")
    text = re.sub(r"\(\?P=(\w+)\)", r"\\k<\1>", text)
    text = re.sub(_ATOM + r"\{(\d*,?\d*)\}\+", r"(?>\1{\2})", text)
    return re.sub(r"\(\?([is]+)([:)])", lambda m: f"(?{m[1].replace('s', 'm')}{m[2]}", text)


def java(pattern: str, flags: int = 0) -> str:
    """The same for Java, where `.` must stop at line feeds only."""
    text = compact(pattern, flags).replace("(?P<", "(?<").replace(r"\Z", r"\z")
    return "(?d)" + re.sub(r"\(\?P=(\w+)\)", r"\\k<\1>", text)
