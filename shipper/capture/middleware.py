"""The SDK's middleware: one record for each request that reaches dispatch."""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shipper.capture import causes, exchange
from shipper.capture.content import asked
from shipper.capture.emit import emit
from shipper.capture.facts import Request, of_request
from shipper.capture.methods import METHODS, SILENT, UNKNOWN, VENDOR, Row
from shipper.capture.outcome import Outcome, of_error, of_result
from shipper.record.event import Event, create_event

#: Further categories of a resource, by its scheme.
_SCHEMES = {"file": "file"} | dict.fromkeys(
    ("mongodb", "mysql", "postgres", "postgresql", "redis", "sqlite"), "database"
)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request under way: arguments are copied now, for a tool may change them."""

    ctx: Request
    asked: dict[str, object]
    began_ns: int = field(default_factory=time.monotonic_ns)

    def event(self, server_name: str, outcome: Outcome) -> Event:
        took_ms = (time.monotonic_ns() - self.began_ns) / 1e6
        row = _row(self.ctx.method, outcome)
        fields = {
            "event.action": row.action,
            "event.category": [*row.category, *self._scheme()],
            "event.type": list(row.types),
            **of_request(self.ctx, server_name),
            **self.asked,
        }
        # What is not known is left out, and must not hide what is.
        fields |= {name: value for name, value in outcome.fields.items() if value is not None}
        if row is UNKNOWN:
            fields |= {
                "mcp.violation.type": "unknown_method",
                "mcp.violation.action_taken": "blocked",
            }
        return create_event(row.event_type, fields, success=outcome.success, duration_ms=took_ms)

    def _scheme(self) -> list[str]:
        extra = _SCHEMES.get(str(self.asked.get("mcp.resource.type")))
        return [extra] if extra else []


def _row(method: str, outcome: Outcome) -> Row:
    return METHODS.get(method) or (UNKNOWN if outcome.unserved else VENDOR)


class Wire:
    """Records every request a low-level server dispatches; goes first in `Server.middleware`.

    It awaits nothing but the rest of the chain (while `initialize` is served no other message is
    read) and raises what that raised.
    """

    def __init__(self, server: Any, modern: Collection[str]) -> None:
        self._server = server
        self._modern = modern

    async def __call__(self, ctx: Request, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        if ctx.request_id is None or ctx.method in SILENT or self._is_internal(ctx):
            return await call_next(ctx)
        if under_way := exchange.of(getattr(ctx.request, "scope", None)):
            under_way.dispatched = True
        call = _Call(ctx, asked(ctx.method, ctx.params))
        with causes.watching() as seen:
            try:
                result = await call_next(ctx)
            except BaseException as error:
                emit(partial(self._event, call, of_error, error, seen.error))
                raise
            emit(partial(self._event, call, of_result, ctx.method, result, seen.error))
            return result

    def _event(self, call: _Call, outcome: Callable[..., Outcome], *args: object) -> Event:
        return call.event(self._server.name, outcome(*args))

    def _is_internal(self, ctx: Request) -> bool:
        """Whether the SDK asks itself for the tools, to check a call's headers by their schema.

        It does so with the call's own HTTP request. A listing that a client asks for cannot look
        like this: since 2026-07-28 the header must name the method, or the request is refused.
        """
        return (
            ctx.method == "tools/list"
            and ctx.request is not None
            and ctx.protocol_version in self._modern
            and ctx.request.headers.get("mcp-method") == "tools/call"
        )
