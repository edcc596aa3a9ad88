"""Exceptions as failures, and the real cause of one, which the wire hides.

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

from msgspec.structs import replace

from shipper.capture.call import CANCELLED, Ended, Failure

_INVALID_PARAMS = -32602
#: Failures that are refusals, by the class of the exception: `event.reason`.
_REFUSALS = {
    "AuthorizationError": "denied",
    "InsufficientScopeError": "denied",
    "RateLimitError": "rate_limited",
}
#: Of a failed validation; each names a parameter.
_MAX_PROBLEMS = 10
#: Exceptions of these packages wrap others; their cause is the failure.
_WRAPPERS = {"mcp", "fastmcp"}
#: A chain of causes may be a cycle.
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
        except Exception as error:
            _note(error)
            raise
        _note(None)  # a tool may survive the failure of another that it called
        return result

    return call


def _note(error: Exception | None) -> None:
    if seen := _seen.get():
        seen.error = error


def ended_by_error(error: BaseException, seen: Exception | None) -> Ended:
    """How a request that raised ended; `seen` is what the server's own method raised, if any."""
    if not isinstance(error, Exception):  # asyncio's CancelledError, trio's Cancelled, an exit
        return CANCELLED
    code = getattr(getattr(error, "error", None), "code", None)
    if code is None and _is_validation(error):
        code = _INVALID_PARAMS
    return replace(failure_of(seen or error), code=code)


def failure_of(error: Exception) -> Failure:
    """A failure as what the SDK's own exceptions were raised from; without a JSON-RPC code."""
    error = _root(error)
    name = type(error).__name__
    # An MCPError is only an envelope of its code.
    kind = str(getattr(error, "code", name)) if name == "MCPError" else name
    return Failure(type=kind, message=_message(error), reason=_REFUSALS.get(name))


def _root(error: Any) -> Any:
    for _ in range(_MAX_CAUSES):
        if error.__cause__ is None or type(error).__module__.partition(".")[0] not in _WRAPPERS:
            break
        error = error.__cause__
    return error


def _is_validation(error: BaseException) -> bool:
    return type(error).__module__.startswith("pydantic") and hasattr(error, "error_count")


def _message(error: Any) -> str | None:
    """Its text, except of a failed validation: that text repeats the caller's values."""
    if not _is_validation(error):
        return str(error) or None
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in problems[:_MAX_PROBLEMS]
    )
