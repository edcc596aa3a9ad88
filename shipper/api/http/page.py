"""The page at `/`, for people: it asks the interface with the token that its reader enters."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: The page loads nothing from elsewhere, and no text of the record can run or be sent away.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_KINDS = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


def page_routes() -> list[Route]:
    """The page and its two files; nobody needs a token for them, because they hold no data."""
    paths = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
    return [Route(path, _endpoint(name)) for path, name in paths.items()]


def _endpoint(name: str) -> Callable[[Request], Awaitable[Response]]:
    body = files("shipper.api.http").joinpath(name).read_bytes()

    async def endpoint(_request: Request) -> Response:
        return Response(body, headers=_HEADERS, media_type=_KINDS[name])

    return endpoint
