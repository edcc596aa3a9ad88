"""How a request ended, as fields: success, failure with its reason, or not known."""

from collections.abc import Mapping

from msgspec import Struct

from shipper.capture.call import Answer, Call, Ended, Failure
from shipper.capture.content import answered

_METHOD_NOT_FOUND = -32601


class Outcome(Struct, frozen=True):
    """`success` is None when it is not known; `is_unserved` if nobody serves the method.

    `fields` has known values only: they override those of the request.
    """

    success: bool | None
    fields: Mapping[str, object]
    is_unserved: bool = False


def outcome_of(call: Call, ended: Ended) -> Outcome:
    """What became of the request; a tool's result may itself report a failure."""
    match ended:
        case Answer():
            return _answered(call, ended)
        case Failure():
            unserved = str(ended.code) == str(_METHOD_NOT_FOUND)
            return Outcome(success=False, fields=_failed(ended), is_unserved=unserved)
        case _:
            reason = {"event.reason": ended.reason} if ended.reason else {}
            return Outcome(success=None, fields=reason)


def _answered(call: Call, answer: Answer) -> Outcome:
    fields = answered(call.method, answer.result, from_server=call.from_server)
    if not fields.get("mcp.tool.is_error"):
        return Outcome(success=True, fields=fields)
    fields["error.type"] = "tool_error"
    if (shown := fields.pop("mcp.tool.result.text", None)) is not None:
        fields["error.message"] = shown  # the error as the client sees it
    return Outcome(success=False, fields=fields | (_failed(answer.cause) if answer.cause else {}))


def _failed(failure: Failure) -> dict[str, object]:
    fields: dict[str, object] = {"error.type": failure.type, "error.message": failure.message}
    if failure.code is not None:
        fields["error.code"] = str(failure.code)
    if failure.reason:
        fields |= {"event.reason": failure.reason, "event.type": ["access", "denied"]}
    return {name: value for name, value in fields.items() if value is not None}
