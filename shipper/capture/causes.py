"""The real cause of a failure, which the wire hides: seen where the server calls its own methods.

MCPServer tells the client no more than that a tool failed, and both SDKs turn a tool's exception
into a result before any middleware sees it. Their public `call_tool`, `read_resource` and
`render_prompt` (MCPServer: `get_prompt`) still raise it, so these are wrapped on the server object.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

#: Exceptions of these packages wrap others; their cause says more.
_WRAPPERS = {"mcp", "fastmcp"}
#: A chain of causes may be a ring.
_MAX_CAUSES = 8


@dataclass(slots=True)
class Seen:
    """What the server's own method raised last during a request."""

    error: Exception | None = None


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
        seen.error = None  # its traceback holds this frame: a ring, kept till the next collection


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
        except Exception as error:
            _note(error)
            raise
        _note(None)  # a tool may survive the failure of another that it called
        return result

    return call


def _note(error: Exception | None) -> None:
    if seen := _seen.get():
        seen.error = error


def root(error: BaseException) -> BaseException:
    """The exception that the SDK's own exceptions were raised from, or the error itself."""
    for _ in range(_MAX_CAUSES):
        if error.__cause__ is None or type(error).__module__.partition(".")[0] not in _WRAPPERS:
            break
        error = error.__cause__
    return error
