"""Requests of one call have its id: rounds with questions in between, and those about its task."""

import pytest
from msgspec.structs import replace

from shipper.capture.call import Answer, Call, Identity
from shipper.capture.memory import Memory
from shipper.capture.pending import begin, end

ADA, BOB = Identity(user="ada"), Identity(user="bob")
DONE = {"content": [], "resultType": "complete"}


def asks(state=None):
    question = {"resultType": "input_required", "inputRequests": {"sure": {}}}
    return question | ({"requestState": state} if state else {})


def send(result, method="tools/call", *, memory, identity=ADA, **params):
    """The events that a request and its result leave."""
    call = Call(method, params, 1, identity=identity, memory=memory)
    found = []
    end(begin(lambda: call, found.append), lambda: Answer(result), found.append)
    return [event.fields for event in found]


def delete(result, *, memory, **more):
    (fields,) = send(result, memory=memory, name="delete", arguments={"x": 1}, **more)
    return fields


def joined(fields):
    return fields.get("mcp.call.id"), fields.get("mcp.call.round")


def test_a_call_without_a_question_has_no_id():
    assert joined(delete(DONE, memory=Memory())) == (None, None)


@pytest.mark.parametrize("states", [("a", "b"), (None, None)])
def test_each_round_of_a_call_has_its_id_and_its_number(states):
    memory, answers = Memory(), {"inputResponses": {"sure": {"action": "accept"}}}
    first, second = ({"requestState": state} if state else {} for state in states)
    rounds = [
        delete(asks(states[0]), memory=memory),
        delete(asks(states[1]), memory=memory, **answers, **first),
        delete(DONE, memory=memory, **answers, **second),
    ]
    (one,) = {fields["mcp.call.id"] for fields in rounds}
    assert one
    assert [fields["mcp.call.round"] for fields in rounds] == [1, 2, 3]
    assert [fields.get("success") for fields in rounds] == [None, None, True]


def test_two_processes_give_the_rounds_of_a_call_one_id():
    asked = delete(asks("state-17"), memory=Memory())
    answered = delete(DONE, memory=Memory(), requestState="state-17", inputResponses={})
    assert joined(answered) == (asked["mcp.call.id"], 2)
    assert "state-17" not in asked["mcp.call.id"]


def test_the_call_that_made_a_task_is_joined_with_the_request_that_shows_its_outcome():
    memory = Memory()
    made = delete({"resultType": "task", "taskId": "t-1"}, memory=memory)
    (working,) = send({"status": "working"}, "tasks/get", memory=memory, taskId="t-1")
    state = {"status": "failed", "error": {"code": -1, "message": "gone"}}
    (over,) = send(state, "tasks/get", memory=memory, taskId="t-1")
    assert made["mcp.call.id"] == working["mcp.call.id"] == over["mcp.call.id"]
    assert "gen_ai.tool.name" not in working
    assert (over["gen_ai.tool.name"], over["success"]) == ("delete", False)


def test_a_task_that_somebody_else_uses_is_a_violation():
    memory = Memory()
    delete({"task": {"taskId": "t-1"}}, memory=memory)
    mine = send(DONE, "tasks/result", memory=memory, taskId="t-1")
    used, violation = send(DONE, "tasks/result", memory=memory, taskId="t-1", identity=BOB)
    assert len(mine) == 1
    assert used["success"] is True
    assert violation["event.action"] == "task-taken-over"
    assert (violation["mcp.violation.type"], violation["mcp.task.id"]) == (
        "task_principal_changed",
        "t-1",
    )


@pytest.mark.parametrize("params", [None, {}, {"taskId": None}, {"taskId": ["t-1"]}])
def test_odd_requests_for_tasks_lose_no_event(params):
    call = replace(Call("tasks/get", params, 1), memory=Memory())
    found = []
    end(begin(lambda: call, found.append), lambda: Answer({}), found.append)
    assert len(found) == 1
