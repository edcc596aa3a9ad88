"""What the adapters of both generations of the SDK add to a call and its end."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from shipper.capture.call import Failure
from shipper.capture.values import text


def with_scopes(failure: Failure, scope: Mapping[str, Any] | None) -> Failure:
    """The failure; a refusal for want of scopes with those of the request's token.

    `scope` is the request's in ASGI; None on a pipe.
    """
    if not failure.is_authorization:
        return failure
    token = getattr((scope or {}).get("user"), "access_token", None)
    return replace(failure, granted=tuple(getattr(token, "scopes", None) or ()))


def name_of(server: Any, options: object = None) -> str | None:
    """The name that a low-level server gives its clients.

    `options` are the initialization options of a run: their name may differ from the server's own.
    """
    return text(getattr(options, "server_name", None)) or text(server.name)
