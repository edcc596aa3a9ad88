"""The routes of an app that serve MCP or OAuth, found by the SDK's code behind them.

Paths cannot decide: a sign-up page may also be at `/register`, and an app may be mounted anywhere.
"""

import functools
import inspect
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any


class Place(Enum):
    """What an endpoint serves."""

    MCP = "mcp"
    AUTHORIZE = "authorize"
    CALLBACK = "callback"
    CONSENT = "consent"
    REGISTER = "register"
    REVOKE = "revoke"
    TOKEN = "token"  # noqa: S105 - the endpoint's name


#: The endpoints of an authorization server, by their names in its metadata (RFC 8414).
NAMED = {
    "authorization_endpoint": Place.AUTHORIZE,
    "registration_endpoint": Place.REGISTER,
    "revocation_endpoint": Place.REVOKE,
    "token_endpoint": Place.TOKEN,
}
#: Parts of the paths that the SDKs give these endpoints.
_STEPS = {place.value: place for place in Place if place is not Place.MCP}
_SDKS = {"mcp", "fastmcp"}
#: Where the SDKs keep the handlers and providers that applications extend.
_AUTH = ("mcp.server.auth.", "fastmcp.server.auth.")
#: Layers between a route and the code that answers: CORS, limits, authentication.
_MAX_LAYERS = 16


def watched_routes(app: Any) -> Iterator[tuple[Any, Place]]:
    """The routes of this app that serve MCP or OAuth, also below its mounts."""
    for route in _routes_of(app):
        if place := _place_of(route):
            yield route, place
        else:
            yield from watched_routes(route)


def place_in(app: Any, scope: Mapping[str, Any]) -> Place | None:
    """What this app would serve at the path of a request, if it is MCP or OAuth."""
    for route in _routes_of(app):
        match, child = route.matches(scope)
        if match.value:
            return _place_of(route) or place_in(route, {**scope, **child})
    return None


def _routes_of(app: Any) -> Iterable[Any]:
    """The routes of an app, which layers may be around; another framework's have none."""
    for _ in range(_MAX_LAYERS):
        routes = getattr(app, "routes", None)
        if routes:
            return [route for route in routes if hasattr(route, "matches")]
        app = getattr(app, "app", None)
    return ()


def _place_of(route: Any) -> Place | None:
    endpoint = getattr(route, "endpoint", None) or getattr(route, "app", None)
    if isinstance(known := getattr(endpoint, "place", None), Place):
        return known
    behind = _behind(endpoint)
    if behind is None or "/.well-known/" in route.path:
        return None
    step = _STEPS.get(route.path.rstrip("/").rpartition("/")[2])
    name = getattr(behind, "__name__", "").rpartition("_")[2]
    return step or _STEPS.get(name) or (None if _is_page(behind) else Place.MCP)


def _is_page(behind: Any) -> bool:
    """Whether it is a method that answers a request: a page of an authorization server."""
    return inspect.ismethod(behind) and "send" not in inspect.signature(behind).parameters


def _behind(layer: Any) -> Any:
    """The SDK's own code behind an endpoint; None if the code is somebody else's."""
    for _ in range(_MAX_LAYERS):
        if layer is None or hasattr(layer, "routes"):
            return None
        inner = _inner(layer)
        if inner is None or type(layer).__name__ == "RequireAuthMiddleware":
            return layer if _is_sdks(layer) else None
        layer = inner
    return None


def _is_sdks(layer: Any) -> bool:
    if inspect.isfunction(layer):
        return _package(layer) in _SDKS
    if inspect.ismethod(layer) and _package(layer.__func__) not in _SDKS:
        return any(base.__module__.startswith(_AUTH) for base in type(layer.__self__).__mro__)
    return inspect.ismethod(layer) or any(_package(base) in _SDKS for base in type(layer).__mro__)


def _inner(layer: Any) -> Any:
    if isinstance(layer, functools.partial):
        return layer.func
    if inspect.isfunction(layer):  # Starlette keeps a function in the closure of an ASGI app
        return _closed_over(layer) if _package(layer) == "starlette" else None
    return getattr(layer, "app", None)


def _closed_over(function: Any) -> Any:
    cells = (cell.cell_contents for cell in function.__closure__ or ())
    return next((held for held in cells if callable(held)), None)


def _package(defined: Any) -> str:
    return str(defined.__module__).partition(".")[0]
