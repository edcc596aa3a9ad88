"""Which requests are of one call: rounds with questions in between, and the requests of a task.

Since 2026-07-28 a server asks its client by an unfinished result, and the client sends the call
again, with the answers and the state that it was given. A call may also end as a task, whose
outcome later requests show. Each request is an event; the id of the call joins them.
"""

import json
from collections.abc import Mapping
from secrets import token_hex

from shipper.capture.call import Answer, Call, Ended, Identity, Json
from shipper.capture.memory import Begun, Memory, Principal
from shipper.capture.outcome import task_made
from shipper.capture.values import digest, text

#: What the names of methods about tasks begin with.
TASKS = "tasks/"
_ID_BYTES = 16
#: States of a task that its outcome goes with.
_DECIDED = frozenset({"completed", "failed", "cancelled"})
#: The parameters that a client sends again unchanged.
_REPEATED = ("name", "arguments", "uri")
_NO_FIELDS: Mapping[str, object] = {}


def fields_of_rounds(call: Call, ended: Ended, asked: Mapping[str, object]) -> Mapping[str, object]:
    """The fields that join this request with others of its call; most calls have but one."""
    memory = call.memory
    if memory is None or call.from_server:
        return _NO_FIELDS
    result = ended.result if isinstance(ended, Answer) else {}
    if call.method.startswith(TASKS):
        return _of_task(memory, call, result)
    params = call.params or {}
    is_retry = "requestState" in params or "inputResponses" in params
    is_question = result.get("resultType") == "input_required"
    task = task_made(result)
    if not (is_retry or is_question or task):
        return _NO_FIELDS
    before = memory.kept(_state_key(call, params)) if is_retry else None
    number = 1 + (before.round if before else int(is_retry))
    now = _begun(call, before.id if before else _new_id(call, result, asked), number)
    if is_question:
        memory.keep(_state_key(call, result), now)
    if task:
        memory.keep(f"task {task}", now)
    fields: dict[str, object] = {"mcp.call.id": now.id}
    return fields | ({"mcp.call.round": number} if is_retry or is_question else {})


def principal_of(identity: Identity) -> Principal:
    """Whom the token names, whether it was verified or not."""
    if claimed := identity.claimed:
        return claimed.issuer, claimed.subject, claimed.client
    return identity.domain, identity.user, identity.client


def task_key(call: Call) -> str:
    """The key in memory of the task that a request is about."""
    return f"task {call.params.get('taskId')}" if call.params else ""


def _of_task(memory: Memory, call: Call, result: Json) -> Mapping[str, object]:
    """The call that made the task; its tool too where this request shows its outcome."""
    made_by = memory.kept(task_key(call))
    if made_by is None:
        return _NO_FIELDS
    is_decided = call.method == "tasks/result" or result.get("status") in _DECIDED
    tool = {"gen_ai.tool.name": made_by.tool} if is_decided and made_by.tool else {}
    return {"mcp.call.id": made_by.id, **tool}


def _begun(call: Call, call_id: str, number: int) -> Begun:
    named = call.params.get("name") if call.params else None
    return Begun(call_id, number, text(named), principal_of(call.identity))


def _new_id(call: Call, result: Json, asked: Mapping[str, object]) -> str:
    """The id of a call whose first round this process did not see, or has just seen.

    By the state that the next round has: a process that sees that one alone gives the same id.
    """
    given = (call.params or {}).get("requestState") or result.get("requestState")
    known = text(asked.get("mcp.call.id"))
    return known or (digest(given) if isinstance(given, str) else token_hex(_ID_BYTES))


def _state_key(call: Call, given: Json) -> str:
    """What the next round will carry; without a state, the call itself, which is sent again."""
    state = given.get("requestState")
    if isinstance(state, str):
        return f"state {digest(state)}"
    params = {name: value for name, value in (call.params or {}).items() if name in _REPEATED}
    written = json.dumps([call.method, params], sort_keys=True, default=str)
    return f"call {digest(repr((principal_of(call.identity), written)))}"
