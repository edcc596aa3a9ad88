"""The OAuth endpoints that an app names itself, learned from its metadata as it is served."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from shipper.capture.exchange import Exchange
from shipper.capture.routes import NAMED, Place

_DOCUMENTS = (
    "/.well-known/oauth-authorization-server",  # RFC 8414
    "/.well-known/openid-configuration",
)
_OK = 200


class Metadata:
    """The endpoints of one app's authorization server, by their public paths."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    def is_asked_for(self, scope: Mapping[str, Any]) -> bool:
        """Whether a request is for a metadata document, whose answer is to be learned."""
        return scope["method"] == "GET" and any(name in scope["path"] for name in _DOCUMENTS)

    def learn(self, exchange: Exchange) -> None:
        """Take up the endpoints that a document names, if it is one."""
        if exchange.status != _OK:
            return
        try:
            document = json.loads(exchange.body)
        except (ValueError, RecursionError):
            return
        for name, place in NAMED.items() if isinstance(document, dict) else ():
            if isinstance(url := document.get(name), str):
                self._places[urlsplit(url).path] = place

    def place_of(self, scope: Mapping[str, Any]) -> Place | None:
        """The named endpoint at this path; a reverse proxy may strip a prefix of the public one."""
        path = scope["path"]
        if not self._places or path == "/":
            return None
        return next((place for at, place in self._places.items() if at.endswith(path)), None)
