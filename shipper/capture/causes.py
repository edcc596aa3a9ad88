"""The real cause of a failure, which the wire hides.

MCPServer sends the client only that a tool failed, and both SDKs turn a tool's exception into a
result before any middleware sees it. Their public `call_tool`, `read_resource` and
`render_prompt` (MCPServer: `get_prompt`) still raise it, so these are wrapped on the server object.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Seen:
    """What the server's own method raised last during a request."""

    error: BaseException | None = None


_seen: ContextVar[Seen | None] = ContextVar("shipper_seen", default=None)


@contextmanager
def watching() -> Iterator[Seen]:
    """Collect what is raised in this request, on whichever task or thread it runs."""
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)
        seen.error = None  # its traceback holds this frame: a cycle, kept until the next collection


def observe(server: object) -> None:
    """Wrap the methods that serve calls, where the server has them; each raises what it raised."""
    prompt = "render_prompt" if hasattr(server, "render_prompt") else "get_prompt"
    for name in ("call_tool", "read_resource", prompt):
        if (method := getattr(server, name, None)) is not None:
            setattr(server, name, _observed(method))


def _observed(method: Any) -> Any:
    @functools.wraps(method)
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = await method(*args, **kwargs)
        except BaseException as error:
            _note(error)
            raise
        _note(None)  # a tool may survive the failure of another that it called
        return result

    return call


def _note(error: BaseException | None) -> None:
    if seen := _seen.get():
        seen.error = error
