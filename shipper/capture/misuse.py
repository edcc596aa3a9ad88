"""What a single request does not show: tools redefined, sessions and tasks that change hands."""

from collections.abc import Iterator

from shipper.capture.call import Answer, Call, Ended
from shipper.capture.facts import fields_of_call
from shipper.capture.memory import Change
from shipper.capture.rounds import TASKS, principal_of, task_key
from shipper.catalog import MCPEventType
from shipper.record.event import Event, create_event


def misuse(call: Call, ended: Ended) -> Iterator[Event]:
    """The violations that this request shows, by what its server was seen to do before."""
    memory, principal = call.memory, principal_of(call.identity)
    if memory is None or call.from_server:
        return
    session = call.http.session if call.http else None
    if session and any(principal) and memory.is_taken_over(session, principal):
        what: dict[str, object] = {"mcp.violation.type": "session_principal_changed"}
        yield _violation(call, "session-taken-over", what)
    task = memory.kept(task_key(call)) if call.method.startswith(TASKS) else None
    if task and task.principal != principal:
        yield _violation(call, "task-taken-over", _of_task(call))
    tools = ended.result.get("tools") if isinstance(ended, Answer) else None
    if call.method == "tools/list" and isinstance(tools, list):
        view = (*principal, call.protocol_version)
        for change in memory.changed(view, tools):
            yield _violation(call, "tool-redefined", _redefined(change))


def _of_task(call: Call) -> dict[str, object]:
    asked_for = call.params.get("taskId") if call.params else None
    return {"mcp.violation.type": "task_principal_changed", "mcp.task.id": asked_for}


def _redefined(change: Change) -> dict[str, object]:
    return {
        "mcp.violation.type": "tool_redefined",
        "gen_ai.tool.name": change.tool,
        "mcp.tool.definition.hash": change.now,
        "mcp.tool.definition.previous": change.before,
    }


def _violation(call: Call, action: str, fields: dict[str, object]) -> Event:
    about = {
        "event.action": action,
        "event.category": ["intrusion_detection"],
        "event.type": ["info"],
        "mcp.violation.action_taken": "none",
    }
    every = {**fields_of_call(call), **about, **fields}
    return create_event(MCPEventType.POLICY_VIOLATION, every, success=False)
