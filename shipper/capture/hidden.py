"""Components that FastMCP hides from a caller who may not use them: a denial, not a typo.

It answers as if a tool, resource or prompt did not exist. Without the caller's restriction, as on
a pipe, the same lookup finds it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

#: Methods that serve a component, with those that find one.
_LOOKUPS: Mapping[str, tuple[str, ...]] = {
    "call_tool": ("get_tool",),
    "read_resource": ("get_resource", "get_resource_template"),
    "render_prompt": ("get_prompt",),
}

_NAMED = re.compile(r"Unknown tool: ['\"](.*)['\"]")
#: A chain of causes may be a cycle.
_MAX_CAUSES = 8


class Denial(Struct, frozen=True):
    """A refusal of this very error, and the scopes that the component requires."""

    error: BaseException
    required: tuple[str, ...] = ()


async def denial_of(server: Any, method: str, name: str, error: BaseException) -> Denial | None:
    """The denial behind an error, if there is one. Raises nothing but a cancellation.

    A meta-tool may have looked for another tool than the called one: the error names it.
    """
    missing = _not_found(error)
    if missing is None or method not in _LOOKUPS:
        return None
    if method == "call_tool" and (named := _NAMED.fullmatch(str(missing))):
        name = named[1]
    try:
        component = await _unrestricted(server, _LOOKUPS[method], name)
    except Exception:  # noqa: BLE001 - the server's own providers; the request's error stands
        return None
    if component is None:
        return None
    return Denial(missing, tuple(sorted(_scopes(component))))


def _not_found(error: BaseException | None) -> BaseException | None:
    for _ in range(_MAX_CAUSES):
        if error is None or type(error).__name__ == "NotFoundError":
            return error
        error = error.__cause__
    return None


async def _unrestricted(server: Any, lookups: Iterable[str], name: str) -> Any:
    from fastmcp.server.context import reset_transport, set_transport

    token = set_transport("stdio")
    try:
        if token.old_value == "stdio":  # nothing was restricted
            return None
        for lookup in lookups:
            if (found := await getattr(server, lookup)(name)) is not None:
                return found
    finally:
        reset_transport(token)
    return None


def _scopes(component: Any) -> Iterable[str]:
    """The scopes that its checks ask for; a check for a tag asks components with that tag."""
    checks = component.auth if isinstance(component.auth, list) else [component.auth]
    for check in checks:
        if getattr(check, "tag", None) in {None, *component.tags}:
            yield from getattr(check, "required_scopes", ())
