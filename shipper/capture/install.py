"""Putting capture in place: on a server, or around an ASGI app."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from shipper.capture import sdk1, sdk2
from shipper.capture.asgi import App, AuditASGI, watch_endpoints
from shipper.capture.causes import observe
from shipper.capture.emit import attempt, finish, open_logger
from shipper.capture.provider import wrap_oauth_provider
from shipper.capture.verifier import wrap_token_verifier

S = TypeVar("S")

#: Where others keep the low-level server: FastMCP, MCPServer, fastapi-mcp.
_INNER = ("_mcp_server", "_lowlevel_server", "server")
#: Methods of servers that make their Starlette app for HTTP.
_APPS = ("streamable_http_app", "http_app", "sse_app")
#: Where servers keep what gives out tokens, or knows them.
_PROVIDERS = ("_auth_server_provider", "_token_verifier", "auth")
_SUPPORTED = (
    "a server of the packages mcp (1.20 or later; MCPServer, FastMCP or low-level Server), "
    "fastmcp (2.14 or later) or fastapi-mcp"
)
_MARK = "_shipper_instrumented"


def instrument(server: S) -> S:
    """Record every request that this server serves, and give the server back.

    Events go to the logger `mcp.audit`. Call it before or after tools are registered, but before
    the server runs; calling it again changes nothing. Apps that the server makes from now on have
    `audit_asgi` around them. Raises `TypeError` for anything that is not a server of a supported
    SDK.
    """
    low = _low_level(server)
    if _MARK in vars(server):
        return server
    adapter = sdk2 if _has_middleware(low) else sdk1
    if not adapter.is_audited(low):
        adapter.attach(low)
    if low is not server:
        observe(server)
    attempt(_watch_tokens, server)
    for name in _APPS:
        if (make := getattr(server, name, None)) is not None:
            setattr(server, name, _wrapped(low, make))
    setattr(server, _MARK, True)
    open_logger()
    return server


def _watch_tokens(server: Any) -> None:
    """Learn why tokens are refused, and whom an authorization server gives them."""
    for name in _PROVIDERS:
        held = getattr(server, name, None)
        if callable(getattr(held, "exchange_authorization_code", None)):
            wrap_oauth_provider(held)
            return
        if callable(getattr(held, "verify_token", None)):
            wrap_token_verifier(held)


def audit_asgi(app: App) -> App:
    """Record the requests that an app refuses before MCP sees them: for bad tokens, for limits.

    For an app that was not made by an instrumented server, such as one that mounts several.
    """
    open_logger()
    return AuditASGI(app)


def _low_level(server: object) -> Any:
    for found in (server, *(getattr(server, name, None) for name in _INNER)):
        if _has_middleware(found) or isinstance(getattr(found, "request_handlers", None), dict):
            return found
    raise TypeError(f"instrument() takes {_SUPPORTED}; this is a {type(server).__qualname__}")


def _has_middleware(server: object) -> bool:
    middleware = getattr(server, "middleware", None)
    return isinstance(middleware, list) and hasattr(server, "add_request_handler")


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
