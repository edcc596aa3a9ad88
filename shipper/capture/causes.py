"""The real cause of a failure, which the wire hides.

MCPServer sends the client only that a tool failed, and the SDKs turn a tool's exception into a
result before any middleware sees it. Their public `call_tool`, `read_resource` and
`render_prompt` (MCPServer: `get_prompt`) still raise it, so these are wrapped on the server object.
FastMCP 1 and 2 gave these methods away when they were made, but ask their manager of tools.
"""

import functools
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from shipper.capture.hidden import Denial, denial_of

#: Names of nested calls that are kept.
_MAX_NESTED = 100
#: The module of FastMCP from which a mounted server is called.
_MOUNTS = "fastmcp.server.providers.fastmcp_provider"


@dataclass(slots=True)
class Seen:
    """What the server's own methods did during a request.

    `error` is what one raised last, `denial` a refusal that hides behind an error. `below` is what
    the tool that was `asked` for raised below the middleware of FastMCP, which may answer
    something else. `nested` are the tools that the called one called in turn, in order, each once;
    `nest` serves and records such a call, by its tool, its arguments and the method that serves it.
    `pending` is the request.
    """

    error: BaseException | None = None
    below: Exception | None = None
    asked: str | None = None
    denial: Denial | None = None
    nested: dict[str, None] | None = None
    nest: Callable[[str, object, Callable[[], Awaitable[Any]]], Awaitable[Any]] | None = None
    pending: object = None
    depth: int = 0


_seen: ContextVar[Seen | None] = ContextVar("shipper_seen", default=None)


class Watching:  # a generator would cost each request 1 µs more
    """Collects what is raised in this request, on whichever task or thread it runs."""

    def __init__(self) -> None:
        self._seen = Seen()

    def __enter__(self) -> Seen:
        self._token = _seen.set(self._seen)
        return self._seen

    def __exit__(self, *_error: object) -> None:
        _seen.reset(self._token)
        # Tracebacks hold the frame of the request: a cycle, kept until the next collection.
        self._seen.error = self._seen.below = self._seen.denial = None


def current() -> Seen | None:
    """What was seen so far of the request that runs in this context."""
    return _seen.get()


def observe(server: object) -> None:
    """Wrap the methods that serve calls, where the server has them; each raises what it raised."""
    is_late = hasattr(server, "render_prompt") or hasattr(server, "_lowlevel_server")
    if not is_late and (manager := getattr(server, "_tool_manager", None)) is not None:
        server = manager
    prompt = "render_prompt" if hasattr(server, "render_prompt") else "get_prompt"
    for name in ("call_tool", "read_resource", prompt):
        if (method := getattr(server, name, None)) is not None:
            setattr(server, name, _observed(server, name, method))


def _observed(server: object, method: str, serve: Any) -> Any:
    @functools.wraps(serve)
    async def call(*args: Any, **kwargs: Any) -> Any:
        seen = _seen.get()
        if seen is None:
            return await serve(*args, **kwargs)
        run = functools.partial(serve, *args, **kwargs)
        is_below = seen.depth == 1 and kwargs.get("run_middleware") is False
        if method == "call_tool":
            tool = _asked(args, kwargs)
            is_other = bool(seen.depth) and not _is_same(kwargs)
            if is_other or (is_below and tool != seen.asked):  # a middleware may choose another
                _name(seen, tool)
            if is_other and seen.nest:
                run = functools.partial(seen.nest, tool, _arguments(args, kwargs), run)
            seen.asked = seen.asked or tool
        seen.depth += 1
        try:
            result = await run()
        except BaseException as error:
            if is_below and isinstance(error, Exception):
                seen.below = error
            if seen.error is not error:
                seen.error = seen.below or error if seen.depth == 1 else error
                denial = await denial_of(server, method, _asked(args, kwargs), error)
                seen.denial = denial or seen.denial
            raise
        finally:
            seen.depth -= 1
        seen.error = None  # a tool may survive the failure of another that it called
        if is_below:
            seen.below = None  # it was tried again
        return result

    return call


def _is_same(kwargs: dict[str, Any]) -> bool:
    """Whether FastMCP itself calls, for the same call.

    It calls itself again below its middleware, and the server that is mounted on it.
    """
    if kwargs.get("run_middleware") is False:
        return True
    return sys._getframe(2).f_globals.get("__name__") == _MOUNTS  # noqa: SLF001 - no other sign


def _asked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The name or address of what is called."""
    return str(args[0] if args else kwargs.get("name") or kwargs.get("uri") or kwargs.get("key"))


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
    return args[1] if len(args) > 1 else kwargs.get("arguments")


def _name(seen: Seen, tool: str) -> None:
    seen.nested = seen.nested or {}
    if len(seen.nested) < _MAX_NESTED:
        seen.nested[tool] = None
