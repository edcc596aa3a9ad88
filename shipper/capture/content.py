"""What a request asked for and what it was answered with, as fields: by method, in two tables.

Everything here is foreign and unvalidated: a params object may hold anything under any key.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from shipper.capture.values import MAX_TEXT, snapshot, text

Fields = dict[str, object]
Reader = Callable[[Mapping[str, object]], Fields]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=:)")
#: They open a session; that they were completed is all they say.
_GREETINGS = {"initialize", "server/discover"}
#: A structured value without any text is written out this many pieces far, at most.
_MAX_PIECES = 500


def asked(method: str, params: object) -> Fields:
    """The fields of the request: what it names, and a copy of its arguments."""
    if not isinstance(params, Mapping) or (read := _ASKED.get(method)) is None:
        return {}
    return read(params)


def answered(method: str, result: Mapping[str, object]) -> Fields:
    """The fields of the result: counts, kinds and sizes, and the beginning of a tool's text."""
    read = _ANSWERED.get(method)
    fields = read(result) if read else {}
    if method not in _GREETINGS:
        fields["mcp.result.type"] = text(result.get("resultType"))
    return fields


def blocks_text(result: Mapping[str, object]) -> str:
    """The beginning of what a tool said."""
    return _beginning(_texts(result))


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
    blocks = list(_blocks(result, "content"))
    failed = result.get("isError") is True
    fields: Fields = {
        "mcp.tool.is_error": failed,
        "mcp.tool.result.content_types": sorted({str(block.get("type")) for block in blocks}),
    }
    if not blocks and (structured := result.get("structuredContent")) is not None:
        return fields | _structured(structured)
    fields["mcp.tool.result.size"] = sum(len(part) for part in _parts(blocks))
    if not failed:  # else it is the error's message
        fields |= _said(_texts(result))
    return fields


def _said(texts: list[str]) -> Fields:
    if sum(map(len, texts)) <= MAX_TEXT:
        return {"mcp.tool.result.text": "\n".join(texts) or None}
    whole = hashlib.sha256()
    for part in texts:
        whole.update(part.encode("utf-8", "surrogatepass"))
    return {
        "mcp.tool.result.text": _beginning(texts),
        "mcp.tool.result.truncated": True,
        "mcp.tool.result.hash": whole.hexdigest(),
    }


def _structured(value: object) -> Fields:
    """Only what a tool says in structure alone; else its text says the same.

    Written out piece by piece, so that a huge value costs no more than its beginning.
    """
    pieces = list(islice(json.JSONEncoder(default=str).iterencode(value), _MAX_PIECES + 1))
    whole = "".join(pieces)
    cut = len(pieces) > _MAX_PIECES or len(whole) > MAX_TEXT
    return {
        "mcp.tool.result.content_types": ["structured"],
        "mcp.tool.result.text": whole[:MAX_TEXT],
        "mcp.tool.result.size": len(whole) if len(pieces) <= _MAX_PIECES else None,
        "mcp.tool.result.truncated": cut or None,
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


def _texts(result: Mapping[str, object]) -> list[str]:
    """Every text that a tool returned; an embedded resource's too."""
    found = []
    for block in _blocks(result, "content"):
        value = block.get("text") or _mapping(block.get("resource")).get("text")
        if isinstance(value, str):
            found.append(value)
    return found


def _parts(blocks: list[Mapping[str, object]]) -> Iterator[str]:
    """The strings that make up the size of a result: texts and encoded binaries."""
    for block in blocks:
        for holder in (block, _mapping(block.get("resource"))):
            yield from (
                v for key in ("text", "data", "blob") if isinstance(v := holder.get(key), str)
            )


def _beginning(texts: list[str]) -> str:
    kept, room = [], MAX_TEXT
    for part in texts:
        if room <= 0:
            break
        kept.append(part[:room])
        room -= len(part) + 1
    return "\n".join(kept)


def _bytes_of(content: Mapping[str, object]) -> int:
    if isinstance(value := content.get("text"), str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    blob = content.get("blob")
    return len(blob.rstrip("=")) * 3 // 4 if isinstance(blob, str) else 0
