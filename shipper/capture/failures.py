"""Exceptions as failures: what really failed, below the wrappers of SDKs and task groups."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from shipper.capture.call import CANCELLED, REFUSED, Ended, Failure
from shipper.capture.causes import Seen
from shipper.capture.hidden import Denial

_INVALID_PARAMS = -32602
#: Failures that are refusals, by the class of the exception: `event.reason`.
_REFUSALS = {
    "AuthorizationError": "denied",
    "InsufficientScopeError": "denied",
    "RateLimitError": "rate_limited",
}
#: How MCPServer fails a call whose question the user did not accept.
_SAID_NO = re.compile(r"elicitation was (decline|cancel)\Z")
#: Of a failed validation each names a parameter; of a group each is an exception.
_MAX_PROBLEMS = 10
#: Exceptions of these packages wrap others; their cause is the failure.
_WRAPPERS = {"mcp", "fastmcp"}
#: What a coroutine may not raise: Python raises a `RuntimeError` from it instead.
_UNRAISABLE = (StopIteration, StopAsyncIteration)
#: A chain of causes may be a cycle, and groups may be in groups.
_MAX_CAUSES = 8
_MAX_MEMBERS = 100_000


def ended_by_error(error: BaseException, seen: Seen) -> Ended:
    """How a request that raised ended, by that or by what the server's own method raised."""
    if _is_cancellation(error):
        return CANCELLED
    code = getattr(getattr(error, "error", None), "code", None)
    if code is None and _is_validation(error):
        code = _INVALID_PARAMS
    failure = failure_of(seen.error or error, seen.denial)
    return replace(failure, code=code, is_timeout=failure.is_timeout or _is_timeout(error))


def failure_of(error: BaseException, denial: Denial | None = None) -> Failure:
    """A failure as what the SDK's own exceptions were raised from; without a JSON-RPC code.

    `denial` counts if it is of that very exception.
    """
    error = _root(error)
    if denial is not None and denial.error is error:
        return _denied(error, denial.required)
    if isinstance(scopes := getattr(error, "required_scopes", None), list):
        return _denied(error, tuple(map(str, scopes)))
    members = list(_members(error)) if isinstance(error, BaseExceptionGroup) else []
    if members:
        return _failure_of_all(type(error).__name__, [_root(member) for member in members])
    failure = Failure(type=_kind(error), message=_message(error), reason=_refusal(error))
    return replace(failure, is_timeout=_is_timeout(error))


def _is_timeout(error: BaseException) -> bool:
    """Whether its time was over: FastMCP raises another exception then, and hides this one."""
    is_hidden = type(error).__name__ == "MCPError" and isinstance(error.__context__, TimeoutError)
    return isinstance(error, TimeoutError) or is_hidden


def _denied(error: BaseException, required: tuple[str, ...]) -> Failure:
    reason = "insufficient_scope" if required else "denied"
    failure = Failure(_kind(error), _message(error), reason=reason, required=required)
    return replace(failure, is_authorization=True)


def _failure_of_all(kind: str, members: list[BaseException]) -> Failure:
    """A group as its members: their classes and messages, and the first refusal among them."""
    named = [f"{_kind(one)}: {_message(one) or ''}".rstrip(": ") for one in members[:_MAX_PROBLEMS]]
    if (rest := len(members) - _MAX_PROBLEMS) > 0:
        named.append(f"and {rest} more")
    reason = next((reason for one in members if (reason := _refusal(one))), None)
    return Failure(type=kind, message="; ".join(named), reason=reason)


def _is_cancellation(error: BaseException) -> bool:
    """Whether the request was cancelled, and not only something that its tool waited for.

    Whoever cancels a task asks the task to; a tool that raises the same class was not asked.
    """
    if isinstance(error, Exception):
        return False
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_cancellation, _members(error)))
    if isinstance(error, asyncio.CancelledError):
        task = _task()
        return task is None or task.cancelling() > 0
    if isinstance(error, GeneratorExit):  # a coroutine that is thrown away runs in no task
        return _task() is None
    return type(error).__module__.partition(".")[0] == "trio"


def _task() -> Any:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _root(error: BaseException) -> BaseException:
    for _ in range(_MAX_CAUSES):
        below = _below(error)
        if below is None:
            break
        error = below
    return error


def _below(error: BaseException) -> BaseException | None:
    """What this exception only wraps, if it does."""
    if isinstance(error, BaseExceptionGroup):
        members = _members(error)
        first, second = next(members, None), next(members, None)
        return first if second is None else None
    is_wrapper = type(error).__module__.partition(".")[0] in _WRAPPERS
    if is_wrapper or isinstance(error.__cause__, _UNRAISABLE):
        return error.__cause__ or _handled(error)
    return _handled(error)


def _handled(error: BaseException) -> BaseException | None:
    """The exception of other code in whose place SDK code raised this one."""
    found: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if found is None or not _is_of_sdk(found):
            break
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return None if found is error else found


def _is_of_sdk(error: BaseException) -> bool:
    """Whether SDK code raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__") if trace else None
    return str(name).partition(".")[0] in _WRAPPERS


def _members(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """The exceptions in a group and in the groups in it, as deep as they may be."""
    waiting: list[BaseException] = [group]
    for _ in range(_MAX_MEMBERS):
        if not waiting:
            return
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(reversed(error.exceptions))
        else:
            yield error


def _kind(error: BaseException) -> str:
    """Its class; an MCPError is only an envelope of its code."""
    name = type(error).__name__
    return str(getattr(error, "code", name)) if name == "MCPError" else name


def _refusal(error: BaseException) -> str | None:
    """The reason, if it refuses the caller; an error of the file system has a number."""
    if isinstance(error, PermissionError):
        return "denied" if error.errno is None else None
    if type(error).__name__ == "ToolError" and (no := _SAID_NO.search(_text(error))):
        return REFUSED[no[1]]
    names = (kind.__name__ for kind in type(error).__mro__)
    return next((_REFUSALS[name] for name in names if name in _REFUSALS), None)


def _is_validation(error: BaseException) -> bool:
    return type(error).__module__.startswith("pydantic") and hasattr(error, "error_count")


def _text(error: object) -> str:
    """Its text; empty if it cannot be had: the exception of a tool may raise another."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - see above
        return ""


def _message(error: Any) -> str | None:
    """Its text, except of a failed validation: that text repeats the caller's values."""
    if type(error).__module__.startswith("jsonschema") and hasattr(error, "json_path"):
        return f"{error.json_path}: {error.validator} {error.validator_value!r}"
    if not _is_validation(error):
        return _text(error) or None
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in problems[:_MAX_PROBLEMS]
    )
