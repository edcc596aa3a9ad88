"""One HTTP exchange as the record needs it: shared by ASGI wrappers and dispatcher."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from shipper.capture.routes import Place

_KEY = "shipper.exchange"
#: Of an error's JSON body, a metadata document, or a token request's form.
_MAX_KEPT = 8192
_FIRST_REFUSAL = 400
_CREATED = 201


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier made of the request's token: why it refused it; None if it accepted it.

    `error` is the class of what it raised, if it failed.
    """

    reason: str | None
    error: str | None = None


@dataclass(slots=True)
class Exchange:
    """One request and its answer, as the ASGI wrappers see them pass.

    `scope` is the request as the innermost wrapper has it; the layers around it put the verified
    user there. `place` is set once the request reaches an endpoint of MCP or OAuth, `dispatched`
    once it has a record of its own. The client `has_left` once it closed the connection. `error` is
    what a layer raised. `verdict` is that of a wrapped verifier of tokens, and `learned` are fields
    that a wrapped authorization server adds. `keeps_body` and `reads_form` say which texts are kept
    of answer and request.
    """

    scope: Mapping[str, Any]
    place: Place | None = None
    dispatched: bool = False
    has_left: bool = False
    status: int | None = None
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    form: bytes = b""
    error: BaseException | None = None
    verdict: Verdict | None = None
    learned: dict[str, object] = field(default_factory=dict)
    keeps_body: bool = False
    reads_form: bool = False

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

    def saw_error(self, error: BaseException) -> None:
        """Keep what came out of a layer; an HTTP exception becomes an answer further out."""
        self.error = self.error or error
        if self.status is None and isinstance(status := getattr(error, "status_code", None), int):
            self.status = status

    def _is_explained(self) -> bool:
        if self.status is None:
            return False
        return self.keeps_body or self.status >= _FIRST_REFUSAL or self.status == _CREATED


def with_exchange(scope: Mapping[str, Any]) -> tuple[dict[str, Any], Exchange]:
    """A copy of the scope with a new exchange in it, which copies of the copy share."""
    inner = dict(scope)
    inner[_KEY] = exchange = Exchange(inner)
    return inner, exchange


def exchange_in(scope: object) -> Exchange | None:
    """The exchange of this scope, if a wrapper is in place."""
    found = scope.get(_KEY) if isinstance(scope, Mapping) else None
    return found if isinstance(found, Exchange) else None


_current: ContextVar[Exchange | None] = ContextVar("shipper_exchange", default=None)


@contextmanager
def during(exchange: Exchange) -> Iterator[None]:
    """Have `current_exchange` find this exchange, for code that is given no scope."""
    mark = _current.set(exchange)
    try:
        yield
    finally:
        _current.reset(mark)


def current_exchange() -> Exchange | None:
    """The exchange that this code runs for, if a wrapper is around it."""
    return _current.get()
