"""The tools that a called tool calls in turn, in the same process: each leaves an event of its own.

Meta-tools make these calls: a search over tools, a program that calls tools, a tool that is
composed of others. The event of the request has an id, which the events below it name.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from secrets import token_hex
from typing import Any

from msgspec.structs import replace

from shipper.capture.call import Answer, Call, Json
from shipper.capture.causes import Seen
from shipper.capture.failures import ended_by_error
from shipper.capture.pending import Pending, begin, end, refusal

_ID_BYTES = 8


def follow_nested(seen: Seen, pending: Pending) -> None:
    """Record the calls within this one from now on, and decisions on it."""
    seen.pending = pending
    seen.nest = partial(_nested, pending)


def name_nested(pending: Pending, seen: Seen) -> None:
    """Name the tools that the called tool called in turn."""
    if seen.nested and pending.call.method == "tools/call":
        pending.asked["mcp.tool.nested"] = list(seen.nested)


async def _nested(
    parent: Pending, tool: str, arguments: object, serve: Callable[[], Awaitable[Any]]
) -> Any:
    """Serve a call within a call, and record it. Raises what it raises, or `NotRecorded`."""
    above = parent.asked.setdefault("mcp.call.id", token_hex(_ID_BYTES))
    pending = begin(partial(_call, parent.call, tool, arguments))
    if pending is None:
        return await serve()
    pending.asked["mcp.call.parent"] = above
    try:
        result = await _served(pending, serve)
    except BaseException as error:
        end(pending, partial(ended_by_error, error, Seen()))
        raise
    if failed := end(pending, lambda: Answer(_as_json(result))):
        raise failed
    return result


async def _served(pending: Pending, serve: Callable[[], Awaitable[Any]]) -> Any:
    if refused := refusal(pending):
        raise refused
    return await serve()


def _call(parent: Call, tool: str, arguments: object) -> Call:
    """The call as if its parent's client had made it; its `_meta` still has the client's trace."""
    params: Json = {"name": tool, "arguments": arguments}
    if parent.params and "_meta" in parent.params:
        params["_meta"] = parent.params["_meta"]
    return replace(parent, method="tools/call", params=params, memory=None)


def _as_json(result: object) -> Json:
    """The text of a tool's result, as each SDK hands it to a caller in the process."""
    if isinstance(result, dict):
        return {"structuredContent": result}
    found = result[0] if isinstance(result, tuple) and result else result
    blocks = getattr(found, "content", found)
    failed = getattr(found, "is_error" if hasattr(found, "is_error") else "isError", None)
    listed = [_block(block) for block in blocks] if isinstance(blocks, list) else []
    return {"content": listed, "isError": failed is True}


def _block(block: object) -> Json:
    return {"type": getattr(block, "type", ""), "text": getattr(block, "text", None)}
