"""Which server serves a path: a single one at its own paths, or one of several by its prefix."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from msgspec import Struct

_WELL_KNOWN = "/.well-known/"
_PORTS = {"http": 80, "https": 443}


class Route(Struct, frozen=True):
    """A server: what the client's paths begin with, and what the server's own begin with.

    Both are empty for a server that is served at its own paths.
    """

    prefix: str
    base: str
    scheme: str
    host: str
    port: int

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def target(self, path: str) -> str | None:
        """The server's own path for a client's; None if it is another server's.

        Metadata are before the path that they describe (RFC 8414, RFC 9728).
        """
        if _below(path, self.prefix):
            return self.base + path[len(self.prefix) :] or "/"
        if path.startswith(_WELL_KNOWN):
            name, slash, rest = path.removeprefix(_WELL_KNOWN).partition("/")
            if slash and _below("/" + rest, self.prefix):
                return f"{_WELL_KNOWN}{name}{self.base}{('/' + rest)[len(self.prefix) :]}"
        return None

    def location(self, url: str) -> str:
        """Where the client finds a place that the server sends it to; others' places stay."""
        origin = f"{self.scheme}://{self.authority}"
        is_own = url == origin or url.startswith((origin + "/", origin + "?"))
        path = url[len(origin) :] if is_own else url
        if not path.startswith("/") or path.startswith("//"):
            return url
        return self.prefix + path[len(self.base) :] if _below(path, self.base) else path


class Routes:
    """The servers of one proxy."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=lambda route: -len(route.prefix))

    def find(self, path: str) -> tuple[Route, str] | None:
        """The server of a client's path, by the longest prefix, and the path there."""
        for route in self._routes:
            if (target := route.target(path)) is not None:
                return route, target
        return None


def route_of(words: str) -> Route:
    """The route that `URL` or `/PREFIX=URL` describes. Raises `ValueError` with the reason."""
    prefix, url = split(words)
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("the server's URL must begin with http:// or https://")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("the server's URL must have no user, query or fragment")
    if words.startswith("/") and not prefix:
        raise ValueError("the prefix must have a name, such as /files")
    base = parts.path.rstrip("/") if prefix else ""
    port = parts.port or _PORTS[parts.scheme]
    return Route(prefix, base, parts.scheme, parts.hostname, port)


def split(words: str) -> tuple[str, str]:
    """The prefix, which may be missing, and the URL of `[/PREFIX=]URL`."""
    prefix, _, url = words.partition("=") if words.startswith("/") else ("", "", words)
    return prefix.rstrip("/"), url


def _below(path: str, prefix: str) -> bool:
    rest = path[len(prefix) :]
    return path.startswith(prefix) and (not rest or rest[0] in "/?")
