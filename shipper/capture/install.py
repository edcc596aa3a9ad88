"""Putting capture in place: on a server, or around an ASGI app."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from shipper.capture.asgi import App, AuditASGI, watch_endpoints
from shipper.capture.causes import observe
from shipper.capture.emit import attempt, finish, open_logger
from shipper.capture.sdk2 import Wire, keep_first

S = TypeVar("S")

#: Where the high-level servers keep the low-level one: FastMCP, MCPServer.
_INNER = ("_mcp_server", "_lowlevel_server")
#: Methods of servers that make their Starlette app for HTTP.
_APPS = ("streamable_http_app", "http_app", "sse_app")
_SUPPORTED = "an MCPServer or low-level Server of mcp>=2.2, or a FastMCP of fastmcp>=4.1"


def instrument(server: S) -> S:
    """Record every request that this server serves, and give the server back.

    Events go to the logger `mcp.audit`. Call it before or after tools are registered, but before
    the server runs; calling it again changes nothing. Apps that the server makes from now on have
    `audit_asgi` around them. Raises `TypeError` for anything that is not a server of a supported
    SDK.
    """
    low = _low_level(server)
    if any(isinstance(layer, Wire) for layer in low.middleware):
        return server
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    keep_first(low, Wire(low, frozenset(MODERN_PROTOCOL_VERSIONS)))
    observe(server)
    for name in _APPS:
        if (make := getattr(server, name, None)) is not None:
            setattr(server, name, _wrapped(low, make))
    open_logger()
    return server


def audit_asgi(app: App) -> App:
    """Record the requests that an app refuses before MCP sees them: for bad tokens, for limits.

    For an app that was not made by an instrumented server, such as one that mounts several.
    """
    open_logger()
    return AuditASGI(app)


def _low_level(server: object) -> Any:
    inner = (getattr(server, name, None) for name in _INNER)
    low: Any = next((found for found in inner if found is not None), server)
    if isinstance(getattr(low, "middleware", None), list) and hasattr(low, "add_request_handler"):
        return low
    message = f"instrument() takes {_SUPPORTED}; this is a {type(server).__qualname__}"
    if hasattr(low, "request_handlers"):
        message += " on mcp 1.x, which has no middleware: it needs mcp>=2.2"
    raise TypeError(message)


def _watched(app: Any) -> Any:
    """The app with wrappers in place; it stays the Starlette app that callers mount.

    One is in its list of middleware for whoever copies that, and one around it all, where others
    may add middleware later. What an overridden method made of the app gets the latter alone.
    """
    if not hasattr(app, "build_middleware_stack"):
        return AuditASGI(app)
    app.add_middleware(AuditASGI)
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: AuditASGI(build())
    return app


def _wrapped(low: Any, make: Any) -> Any:
    @functools.wraps(make)
    def app(*args: Any, **kwargs: Any) -> Any:
        made = make(*args, **kwargs)
        attempt(_finish_after, low, made)
        attempt(watch_endpoints, made)
        return attempt(_watched, made) or made

    return app


def _finish_after(low: Any, app: Any) -> None:
    """Write the last line when serving ends.

    A mounted app gets no lifespan messages: its mounting app enters one of these two.
    """
    if (manager := getattr(low, "_session_manager", None)) is not None:
        manager.run = _finishing(manager.run)
    if (router := getattr(app, "router", None)) is not None:
        router.lifespan_context = _finishing(router.lifespan_context)


def _finishing(lifespan: Any) -> Any:
    @functools.wraps(lifespan)
    @asynccontextmanager
    async def lived(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async with lifespan(*args, **kwargs) as state:
                yield state
        finally:
            finish()

    return lived
