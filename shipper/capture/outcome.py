"""How a request ended: success, failure with its reason, or nobody knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shipper.capture.causes import root
from shipper.capture.content import answered

_INVALID_PARAMS = -32602
_METHOD_NOT_FOUND = -32601
#: Failures that are refusals, by the class of the exception: `event.reason`.
_REFUSALS = {
    "AuthorizationError": "denied",
    "InsufficientScopeError": "denied",
    "RateLimitError": "rate_limited",
}
#: Of a failed validation; each names a parameter.
_MAX_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """`success` is None when it is not known; `fields` say more."""

    success: bool | None
    fields: Mapping[str, object]

    @property
    def unserved(self) -> bool:
        return self.fields.get("error.code") == str(_METHOD_NOT_FOUND)


def of_error(error: BaseException, seen: Exception | None) -> Outcome:
    """A request that raised; `seen` is what the server's own method raised before, if any."""
    if not isinstance(error, Exception):  # asyncio's CancelledError, trio's Cancelled, an exit
        return Outcome(success=None, fields={"event.reason": "cancelled"})
    code = getattr(getattr(error, "error", None), "code", None)
    if code is None and _is_validation(error):
        code = _INVALID_PARAMS
    fields = _described(root(seen or error))
    return Outcome(
        success=False, fields=fields if code is None else {**fields, "error.code": str(code)}
    )


def of_result(method: str, result: object, seen: Exception | None) -> Outcome:
    """A request that was answered; a tool may say itself that it failed."""
    fields = answered(method, _wire(result))
    if not fields.get("mcp.tool.is_error"):
        return Outcome(success=True, fields=fields)
    said = fields.pop("mcp.tool.result.text")  # the client's view of the error
    fields |= {"error.type": "tool_error", "error.message": said}
    if seen is not None:
        fields |= _described(root(seen))
    return Outcome(success=False, fields=fields)


def _wire(result: object) -> Mapping[str, object]:
    """The result as it goes out; another middleware may have answered with a model."""
    dump = getattr(result, "model_dump", None)
    if dump is not None:
        result = dump(by_alias=True, mode="json", exclude_none=True)
    return result if isinstance(result, Mapping) else {}


def _described(error: BaseException) -> dict[str, object]:
    name = type(error).__name__
    fields: dict[str, object] = {"error.type": name, "error.message": _message(error)}
    if name == "MCPError":  # says nothing; its code does
        fields["error.type"] = str(getattr(error, "code", name))
    if reason := _REFUSALS.get(name):
        fields |= {"event.reason": reason, "event.type": ["access", "denied"]}
    return fields


def _is_validation(error: BaseException) -> bool:
    return type(error).__module__.startswith("pydantic") and hasattr(error, "error_count")


def _message(error: Any) -> str | None:
    """What it says, but for a failed validation: that text repeats the caller's values."""
    if not _is_validation(error):
        return str(error) or None
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in problems[:_MAX_PROBLEMS]
    )
