"""How a request ended, as fields: success, failure with its reason, or not known."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from shipper.capture.call import (
    REFUSED,
    TIMED_OUT,
    Answer,
    Call,
    Ended,
    Failure,
    Json,
    ended_by_response,
)
from shipper.capture.content import answered
from shipper.capture.values import text

_METHOD_NOT_FOUND = -32601
#: Results in place of the one that was asked for.
_UNFINISHED = frozenset({"input_required", "task"})
_OF_WAITING = ("mcp.result.type", "mcp.task.id")
#: Where FastMCP 2.14 puts the task that a call became.
_TASK = "modelcontextprotocol.io/task"
#: States of a task that has no outcome, or will have none.
_UNDECIDED = ("cancelled", "input_required")


class Outcome(NamedTuple):
    """`success` is None when it is not known; `is_unserved` if nobody serves the method.

    `fields` has known values only: they override those of the request. A decision on what the
    caller may use `is_authorization`.
    """

    success: bool | None
    fields: Mapping[str, object]
    is_unserved: bool = False
    is_authorization: bool = False


def outcome_of(call: Call, ended: Ended) -> Outcome:
    """What became of the request; a result may itself report a failure, or have to wait."""
    match ended:
        case Answer():
            return _answered(call, ended)
        case Failure():
            return _failure(_with_refusal(call, ended))
        case _:
            reason = {"event.reason": ended.reason} if ended.reason else {}
            return Outcome(success=None, fields=reason)


def _failure(failure: Failure) -> Outcome:
    return Outcome(
        success=False,
        fields=_failed(failure),
        is_unserved=failure.is_unserved or str(failure.code) == str(_METHOD_NOT_FOUND),
        is_authorization=failure.is_authorization,
    )


def _answered(call: Call, answer: Answer) -> Outcome:
    if call.method == "tasks/get":
        return _of_task(answer.result)
    if waits_for := _waits_for(answer.result):
        fields = answered(call.method, answer.result, from_server=call.from_server)
        kept = {name: fields[name] for name in _OF_WAITING if name in fields}
        if made := task_made(answer.result):
            kept["mcp.task.id"] = made
        return Outcome(success=None, fields=kept | {"event.reason": waits_for})
    fields = answered(call.method, answer.result, from_server=call.from_server)
    if refused := REFUSED.get(str(fields.get("mcp.elicitation.action"))):
        return Outcome(success=False, fields=fields | _failed(Failure(reason=refused)))
    if not fields.get("mcp.tool.is_error"):
        return Outcome(success=True, fields=fields | _survived(answer.cause))
    if answer.cause and answer.cause.is_authorization:
        return _failure(answer.cause)
    fields["error.type"] = "tool_error"
    if (shown := fields.pop("mcp.tool.result.text", None)) is not None:
        fields["error.message"] = shown  # the error as the client sees it
    cause = _with_refusal(call, answer.cause or Failure())
    return Outcome(success=False, fields=fields | _failed(cause))


def _survived(cause: Failure | None) -> dict[str, object]:
    """What the tool raised where a middleware answered in its place."""
    if cause is None:
        return {}
    known = {"error.type": cause.type, "error.message": cause.message}
    return {name: value for name, value in known.items() if value is not None}


def _waits_for(result: Json) -> str | None:
    """What has to happen before there is an outcome: an answer of the user's, or a task's end."""
    kind = result.get("resultType")
    if kind in _UNFINISHED:
        return str(kind)
    return "task" if task_made(result) else None


def task_made(result: Json) -> str | None:
    """The id of the task that the request became, if it did."""
    if result.get("resultType") == "task":
        return text(result.get("taskId"))
    # Before 2026-07-28 a task shows by itself alone; FastMCP 2.14 adds an empty result.
    meta = result.get("_meta")
    task = meta.get(_TASK) if isinstance(meta, dict) else None
    if task is None and "content" not in result:
        task = result.get("task")
    return text(task.get("taskId")) if isinstance(task, dict) else None


def _of_task(result: Json) -> Outcome:
    """The outcome of the task that was asked for; while it works, that there was an answer."""
    status, found, error = result.get("status"), result.get("result"), result.get("error")
    fields = answered("tasks/get", result)
    if status == "failed":
        how = ended_by_response({"error": error if isinstance(error, dict) else {}})
        failure = how if isinstance(how, Failure) else Failure()
        said = text(result.get("statusMessage"))
        failure = replace(failure, type=failure.type or "task", message=failure.message or said)
        return Outcome(success=False, fields=fields | _failed(failure))
    if status in _UNDECIDED:
        return Outcome(success=None, fields=fields | {"event.reason": status})
    if status != "completed" or not isinstance(found, dict):
        return Outcome(success=True, fields=fields)
    outcome = _answered(Call("tools/call"), Answer(found))
    return outcome._replace(fields=fields | dict(outcome.fields))


def _with_refusal(call: Call, failure: Failure) -> Failure:
    """The failure; a refusal if the user refused what the server had asked."""
    given = call.params.get("inputResponses") if call.params else None
    answers = given.values() if isinstance(given, dict) else ()
    actions = [answer.get("action") for answer in answers if isinstance(answer, dict)]
    reason = next((REFUSED[action] for action in REFUSED if action in actions), None)
    return replace(failure, reason=failure.reason or reason)


def _failed(failure: Failure) -> dict[str, object]:
    fields: dict[str, object] = {"error.type": failure.type, "error.message": failure.message}
    if failure.code is not None:
        fields["error.code"] = str(failure.code)
    if failure.is_timeout:
        fields["event.reason"] = TIMED_OUT.reason
    if failure.reason:
        fields |= {"event.reason": failure.reason, "event.type": ["access", "denied"]}
    if failure.is_authorization:
        fields["mcp.authz.engine"] = "fastmcp"
        fields["mcp.authz.decision"] = "deny"
        fields["mcp.oauth.scopes.required"] = list(failure.required) or None
        fields["mcp.oauth.scopes.granted"] = list(failure.granted) or None
    return {name: value for name, value in fields.items() if value is not None}
