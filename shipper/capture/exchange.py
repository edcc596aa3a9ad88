"""One HTTP exchange as it is needed for the record: shared by ASGI wrapper and dispatcher."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KEY = "shipper.exchange"
#: Of an error's JSON body, or of a token request's form; longer ones are not needed.
_MAX_KEPT = 8192
_FIRST_REFUSAL = 400
_CREATED = 201


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as the ASGI wrapper sees them pass.

    `dispatched` is set once the request has a record of its own.
    """

    dispatched: bool = False
    status: int | None = None
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    form: bytes = b""

    def saw_answer(self, message: Mapping[str, Any]) -> None:
        """Keep the status, and the body where it explains a refusal."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message.get("headers", ()))
        elif self._is_explained() and len(self.body) < _MAX_KEPT:
            self.body += message.get("body", b"")[:_MAX_KEPT]

    def saw_form(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.request" and len(self.form) < _MAX_KEPT:
            self.form += message.get("body", b"")[:_MAX_KEPT]

    def _is_explained(self) -> bool:
        return self.status is not None and (
            self.status >= _FIRST_REFUSAL or self.status == _CREATED
        )


def with_exchange(scope: Mapping[str, Any]) -> tuple[dict[str, Any], Exchange]:
    """The scope with a new exchange in it, which copies of the scope share."""
    exchange = Exchange()
    return {**scope, _KEY: exchange}, exchange


def exchange_in(scope: object) -> Exchange | None:
    """The exchange of this scope, if the wrapper is in place."""
    found = scope.get(_KEY) if isinstance(scope, Mapping) else None
    return found if isinstance(found, Exchange) else None
