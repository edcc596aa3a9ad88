"""What a request asked for and what it was answered with, as fields: by method, in two tables.

Everything here is foreign and unvalidated: a params object may hold anything under any key.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from shipper.capture.values import snapshot, text

Fields = dict[str, object]
Reader = Callable[[Mapping[str, object]], Fields]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
#: They open a session; that they were completed is all they say.
_GREETINGS = {"initialize", "server/discover"}


@dataclass(frozen=True, slots=True)
class _Said:
    """A tool's content blocks in sum: their kinds, their size in characters, and all text.

    Of pictures and sounds nothing but kind and size is taken; a single text is not even copied.
    """

    kinds: set[str]
    size: int
    text: str | None

    @classmethod
    def of(cls, result: Mapping[str, object]) -> "_Said":
        kinds, size, texts = set(), 0, []
        for block in _blocks(result, "content"):
            kinds.add(str(block.get("type")))
            holder = block if "resource" not in block else _mapping(block["resource"])
            if isinstance(value := holder.get("text"), str):
                texts.append(value)
                size += len(value)
            elif isinstance(value := holder.get("data") or holder.get("blob"), str):
                size += len(value)
        return cls(kinds, size, (texts[0] if len(texts) == 1 else "\n".join(texts)) or None)


def asked(method: str, params: object) -> Fields:
    """The fields of the request: what it names, and a copy of its arguments."""
    if not isinstance(params, Mapping) or (read := _ASKED.get(method)) is None:
        return {}
    return read(params)


def answered(method: str, result: Mapping[str, object]) -> Fields:
    """The fields of the result: counts, kinds and sizes, and what a tool said."""
    read = _ANSWERED.get(method)
    fields = read(result) if read else {}
    if method not in _GREETINGS:
        fields["mcp.result.type"] = text(result.get("resultType"))
    return fields


def _tool_asked(params: Mapping[str, object]) -> Fields:
    return {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": text(params.get("name")),
        "gen_ai.tool.call.arguments": _arguments(params),
    }


def _prompt_asked(params: Mapping[str, object]) -> Fields:
    return {
        "gen_ai.prompt.name": text(params.get("name")),
        "mcp.prompt.arguments": _arguments(params),
    }


def _completion_asked(params: Mapping[str, object]) -> Fields:
    ref, argument = _mapping(params.get("ref")), _mapping(params.get("argument"))
    fields: Fields = {"gen_ai.prompt.name": text(ref.get("name")) or text(ref.get("uri"))}
    if name := text(argument.get("name")):
        fields["mcp.prompt.arguments"] = {name: snapshot(argument.get("value"))}
    return fields


def _resource_asked(action: str) -> Reader:
    def read(params: Mapping[str, object]) -> Fields:
        uri = text(params.get("uri"))
        scheme = _SCHEME.match(uri) if uri else None
        return {
            "mcp.resource.action": action,
            "mcp.resource.uri": uri,
            "mcp.resource.type": scheme[0].lower() if scheme else None,
        }

    return read


def _listen_asked(params: Mapping[str, object]) -> Fields:
    wanted = _mapping(params.get("notifications")).get("resourceSubscriptions")
    uris = [uri for uri in wanted if isinstance(uri, str)] if isinstance(wanted, list) else []
    return {"mcp.resource.action": "subscribe", "mcp.resource.uri": uris or None}


def _task_asked(params: Mapping[str, object]) -> Fields:
    return {"mcp.task.id": text(params.get("taskId"))}


def _level_asked(params: Mapping[str, object]) -> Fields:
    return {
        "mcp.compliance.operation": "config",
        "mcp.compliance.details": {"level": text(params.get("level"))},
    }


def _tool_answered(result: Mapping[str, object]) -> Fields:
    said = _Said.of(result)
    structured = result.get("structuredContent")
    if not said.kinds and structured is not None:  # else the blocks say the same
        return {
            "mcp.tool.is_error": result.get("isError") is True,
            "mcp.tool.result.content_types": ["structured"],
            "mcp.tool.result.text": structured,
        }
    return {
        "mcp.tool.is_error": result.get("isError") is True,
        "mcp.tool.result.content_types": sorted(said.kinds),
        "mcp.tool.result.size": said.size,
        "mcp.tool.result.text": said.text,
    }


def _resource_answered(result: Mapping[str, object]) -> Fields:
    contents = list(_blocks(result, "contents"))
    kinds = {kind for block in contents if (kind := text(block.get("mimeType")))}
    return {
        "mcp.resource.mime_types": sorted(kinds),
        "mcp.resource.size": sum(map(_bytes_of, contents)),
    }


def _prompt_answered(result: Mapping[str, object]) -> Fields:
    return {"mcp.prompt.message_count": _count(result.get("messages"))}


def _listing_answered(key: str) -> Reader:
    return lambda result: {"mcp.result.count": _count(result.get(key))}


def _initialize_answered(result: Mapping[str, object]) -> Fields:
    return {"mcp.protocol.version": text(result.get("protocolVersion"))}


_ASKED: Mapping[str, Reader] = {
    "tools/call": _tool_asked,
    "prompts/get": _prompt_asked,
    "completion/complete": _completion_asked,
    "resources/list": _resource_asked("list"),
    "resources/templates/list": _resource_asked("list"),
    "resources/read": _resource_asked("read"),
    "resources/subscribe": _resource_asked("subscribe"),
    "resources/unsubscribe": _resource_asked("unsubscribe"),
    "subscriptions/listen": _listen_asked,
    "tasks/get": _task_asked,
    "tasks/result": _task_asked,
    "tasks/update": _task_asked,
    "tasks/cancel": _task_asked,
    "logging/setLevel": _level_asked,
}
_ANSWERED: Mapping[str, Reader] = {
    "initialize": _initialize_answered,
    "tools/call": _tool_answered,
    "resources/read": _resource_answered,
    "prompts/get": _prompt_answered,
    "tools/list": _listing_answered("tools"),
    "resources/list": _listing_answered("resources"),
    "resources/templates/list": _listing_answered("resourceTemplates"),
    "prompts/list": _listing_answered("prompts"),
}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _arguments(params: Mapping[str, object]) -> object:
    value = params.get("arguments")
    return snapshot(value) if isinstance(value, Mapping) else None


def _count(value: object) -> int | None:
    return len(value) if isinstance(value, list) else None


def _blocks(result: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    listed = result.get(key)
    if isinstance(listed, list):
        yield from (block for block in listed if isinstance(block, Mapping))


def _bytes_of(content: Mapping[str, object]) -> int:
    if isinstance(value := content.get("text"), str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    blob = content.get("blob")
    return len(blob.rstrip("=")) * 3 // 4 if isinstance(blob, str) else 0
