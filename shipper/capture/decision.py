"""Decisions of an application's own on a call: by its policy, or by a person who approves it."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar, get_args

from shipper.capture.causes import current
from shipper.capture.emit import emit, open_logger
from shipper.capture.facts import fields_of_call
from shipper.capture.identity import process_owner
from shipper.capture.pending import Pending
from shipper.catalog import MCPEventType
from shipper.record.event import Event, create_event

M = TypeVar("M")
Decision = Literal["allow", "deny", "ask", "not_applicable"]
_DECISIONS = get_args(Decision)
_TYPES = {"allow": ["access", "allowed"], "deny": ["access", "denied"]}
_SUCCESS = {"allow": True, "deny": False}
#: What a middleware of FastMCP may let pass or not.
_GATES = ("on_call_tool", "on_read_resource", "on_get_prompt")
#: The fields of the call that a decision is about.
_ABOUT = ("gen_ai.tool.name", "gen_ai.tool.call.arguments", "mcp.resource.uri")


def audit_decision(
    decision: Decision,
    tool: str | None = None,
    arguments: Mapping[str, object] | None = None,
    *,
    reason: str | None = None,
    engine: str | None = None,
    approver: str | None = None,
) -> None:
    """Record a decision on a tool call; raises nothing but `ValueError` for another decision.

    Within a request, it is about that call, whose client, tool and arguments are taken where none
    are given. The event has `mcp.tool.arguments.hash`, as the event of the call has: a decision on
    other arguments has another hash. `approver` is who approved, if a person had to.
    """
    if decision not in _DECISIONS:
        raise ValueError(f"decision must be one of {', '.join(_DECISIONS)}, not {decision!r}")
    given = {
        "gen_ai.tool.name": tool,
        "gen_ai.tool.call.arguments": None if arguments is None else dict(arguments),
        "event.reason": reason,
        "mcp.authz.decision": decision,
        "mcp.authz.engine": engine,
        "mcp.authz.approval.approver": approver,
        "mcp.authz.approval.required": True if approver or decision == "ask" else None,
    }
    emit(functools.partial(_event, decision, given))


def audit_auth(middleware: M) -> M:
    """Record what a middleware of FastMCP lets pass, such as `AuthMiddleware`; gives it back.

    What it refuses is in the event of the request, with `instrument`. Checks that the middleware
    leaves out, as `AuthMiddleware` does on a pipe, are no decision. Raises `TypeError` for anything
    else.
    """
    gates = [name for name in _GATES if inspect.iscoroutinefunction(getattr(middleware, name, 0))]
    if not gates:
        raise TypeError(
            "audit_auth() takes a middleware of fastmcp, with on_call_tool, on_read_resource or "
            f"on_get_prompt; this is a {type(middleware).__qualname__}"
        )
    for name in gates:
        setattr(middleware, name, _gate(middleware, getattr(middleware, name)))
    open_logger()
    return middleware


def _gate(middleware: object, decide: Any) -> Any:
    """The method; whatever it passes on, it has allowed."""

    @functools.wraps(decide)
    async def decided(context: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        is_noted = _is_left_out(middleware)

        async def passed(context: Any) -> Any:
            nonlocal is_noted
            if not is_noted:
                is_noted = True
                audit_decision("allow", engine=type(middleware).__name__)
            return await call_next(context)

        return await decide(context, passed)

    return decided


def _is_left_out(middleware: object) -> bool:
    """Whether it is FastMCP's own, which checks nothing on a pipe."""
    if not type(middleware).__module__.startswith("fastmcp."):
        return False
    from fastmcp.server.context import _current_transport

    return _current_transport.get() == "stdio"


def _event(decision: str, given: Mapping[str, object]) -> Event:
    seen = current()
    pending = seen.pending if seen else None
    about = _of_request(pending) if isinstance(pending, Pending) else _of_process()
    fields = {
        "event.action": "authz-decision",
        "event.category": ["api"],
        "event.type": _TYPES.get(decision, ["access"]),
        **about,
        **{name: value for name, value in given.items() if value is not None},
    }
    return create_event(MCPEventType.AUTHORIZATION, fields, success=_SUCCESS.get(decision))


def _of_request(pending: Pending) -> dict[str, object]:
    asked = pending.asked
    return fields_of_call(pending.call) | {name: asked[name] for name in _ABOUT if name in asked}


def _of_process() -> dict[str, object]:
    owner = process_owner()
    return {"user_id": owner.user, "user.domain": owner.domain}
