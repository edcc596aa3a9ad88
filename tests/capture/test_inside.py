"""What a hook in a wrapped server sends, joined with what the recorder sees; one event a call."""

import logging
import os

import pytest

from shipper.capture.call import Answer, Call, Failure, Identity
from shipper.capture.inside import FromServer, ToRecorder, make_pipe
from shipper.capture.pending import begin, event_of
from shipper.record.event import Event

PIPE = Identity(user="root", domain="here")


def call(request_id=7, tool="sell", **arguments):
    params = {"name": tool, "arguments": arguments}
    return Call("tools/call", params, request_id, identity=PIPE)


def event_with(ended, of=None, **fields):
    made = event_of(begin(lambda: of or call(), lambda _: None), ended, 1.0)
    return Event(made.type, {**made.fields, **fields})


ON_THE_PIPE = Answer({"isError": True, "content": [{"type": "text", "text": "it failed"}]})
INSIDE = Answer(ON_THE_PIPE.result, Failure("OutOfStock", "none left", reason="denied"))


def record_of(event):
    return logging.LogRecord("mcp.audit", logging.INFO, "", 0, event, None, None)


class Ends:
    def __init__(self, folder):
        path, pipe = make_pipe(folder)
        self.path, self.passed = path, []
        self.server, self.recorder = ToRecorder(path), FromServer(pipe, self.passed.append)

    def send(self, *events):
        for event in events:
            self.server.emit(record_of(event))
        self.recorder.read()

    def joined(self, event):
        record = record_of(event)
        assert self.recorder.filter(record)
        return record.msg.fields


@pytest.fixture
def ends(tmp_path):
    return Ends(tmp_path)


def test_the_exception_behind_a_failed_call_is_in_its_one_event(ends):
    ends.send(event_with(INSIDE))
    fields = ends.joined(event_with(ON_THE_PIPE))
    assert (fields["error.type"], fields["error.message"]) == ("OutOfStock", "none left")
    assert (fields["event.reason"], fields["success"]) == ("denied", False)
    assert fields["mcp.tool.is_error"] is True
    assert ends.passed == []


@pytest.mark.parametrize("other", [call(8), call(7, "buy")])
def test_the_event_of_another_request_stays_as_it_is(ends, other):
    ends.send(event_with(INSIDE))
    assert ends.joined(event_with(ON_THE_PIPE, other))["error.type"] == "tool_error"


def test_an_outcome_is_used_once(ends):
    ends.send(event_with(INSIDE))
    ends.joined(event_with(ON_THE_PIPE))
    assert ends.joined(event_with(ON_THE_PIPE))["error.type"] == "tool_error"


def test_calls_within_a_call_are_passed_on_before_it(ends):
    inner = event_with(Answer({}), call(7, "inner"), **{"mcp.call.parent": "p"})
    ends.send(inner, event_with(Answer({}), **{"mcp.tool.nested": ["inner"], "mcp.call.id": "p"}))
    assert ends.passed == []
    fields = ends.joined(event_with(Answer({})))
    assert [event.fields["gen_ai.tool.name"] for event in ends.passed] == ["inner"]
    assert (fields["mcp.tool.nested"], fields["mcp.call.id"]) == (["inner"], "p")
    assert fields["success"] is True


def test_calls_within_a_request_that_nobody_saw_are_passed_on_at_the_end(ends):
    ends.send(event_with(Answer({}), **{"mcp.call.parent": "p"}))
    ends.recorder.finish()
    assert len(ends.passed) == 1


def test_what_is_too_long_for_the_pipe_comes_without_its_arguments(ends):
    long = call(7, "inner", text="x" * 10_000)
    ends.send(event_with(Answer({}), long, **{"mcp.call.parent": "p"}))
    ends.recorder.finish()
    (event,) = ends.passed
    assert "gen_ai.tool.call.arguments" not in event.fields
    assert event.fields["mcp.request.size"] > 10_000


def test_requests_over_http_are_not_the_pipes(ends):
    event = event_with(INSIDE)
    ends.send(Event(event.type, {**event.fields, "network.transport": "tcp"}))
    assert ends.joined(event_with(ON_THE_PIPE))["error.type"] == "tool_error"


def test_a_second_process_does_not_report_to_the_recorder_of_the_first(ends):
    with pytest.raises(BlockingIOError):
        ToRecorder(ends.path)


def test_a_recorder_that_is_gone_or_full_delays_nobody(ends):
    for _ in range(10_000):
        ends.server.emit(record_of(event_with(INSIDE)))
    os.close(ends.recorder._pipe)
    ends.server.emit(record_of(event_with(INSIDE)))


def test_lines_that_are_no_events_are_passed_over(ends):
    os.write(ends.recorder._pipe, b"{\n[]\n")
    ends.send(event_with(INSIDE))
    assert ends.joined(event_with(ON_THE_PIPE))["error.type"] == "OutOfStock"
