"""What each request is recorded as: every SDK, both eras of the protocol, in one process."""

import logging

import anyio
import pytest
from mcp_types import EmptyResult, Request, RequestParams

from shipper.capture import instrument
from tests.capture.stacks import (
    ERAS,
    ERROR_CODE,
    STACKS,
    call,
    connect,
    fast,
    low,
    run,
    sdk,
    swallow,
)

HIGH = pytest.mark.parametrize("make", [sdk, fast])
#: How the clients call themselves: FastMCP's has a name of its own from 4.2 on.
CLIENTS = {"mcp", "fastmcp"}
EVERY = pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)
pytestmark = pytest.mark.parametrize("era", ERAS)


@EVERY
def test_a_tool_call_that_works_is_a_success_with_its_arguments_and_result(make, era, events):
    run(make(), era, call("add", a=2, b=3))
    fields = events.only("tools/call")
    assert fields["success"] is True
    assert fields["gen_ai.tool.name"] == "add"
    assert fields["gen_ai.tool.call.arguments"] == {"a": 2, "b": 3}
    assert fields["mcp.tool.result.text"] == "5"
    assert fields["mcp.tool.result.content_types"] == ["text"]
    assert fields["mcp.tool.result.size"] == 1
    assert fields["mcp.tool.is_error"] is False
    assert fields["duration_ms"] > 0


@EVERY
def test_a_request_carries_its_protocol_client_and_server(make, era, events):
    run(make(), era, call("add", a=2, b=3))
    fields = events.only("tools/call")
    assert fields["mcp.protocol.version"] == {"legacy": "2025-11-25"}.get(era, era)
    assert fields["mcp.client.name"] in CLIENTS
    assert fields["mcp.client.version"]
    assert fields["mcp.server.name"] == "shop"
    assert fields["mcp.request.id"].isdecimal()
    assert fields["network.transport"] == "pipe"


@HIGH
def test_a_tool_that_crashes_is_recorded_with_what_it_really_raised(make, era, events, records):
    run(make(), era, call("crash", password="p"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.type"] == "OutOfStock"
    assert fields["error.message"] == "no more of p"
    assert fields["mcp.tool.is_error"] is True
    assert "mcp.tool.result.text" not in fields
    assert records[-1].levelno >= logging.INFO


def test_a_low_level_handler_that_crashes_is_recorded_with_what_it_raised(era, events):
    run(low(), era, call("crash", password="p"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.type"] == "OutOfStock"


def test_a_crash_stays_recorded_where_fastmcp_hides_it_from_the_client(era, events):
    run(fast(mask_error_details=True), era, call("crash", password="p"))
    assert events.only("tools/call")["error.message"] == "no more of p"


@HIGH
def test_a_tool_that_refuses_is_a_failure_in_its_own_words(make, era, events):
    run(make(), era, call("refuse"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.type"] == "ToolError"
    assert fields["error.message"] == "not on Sundays"


def test_a_result_that_says_error_is_a_failure(era, events):
    run(low(), era, call("nothing"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.type"] == "tool_error"
    assert fields["error.message"] == "no such tool"
    assert fields["mcp.tool.is_error"] is True


def test_a_tool_that_returns_an_error_result_is_a_failure(era, events):
    run(sdk(), era, call("says_no"))
    fields = events.only("tools/call")
    assert (fields["success"], fields["error.type"]) == (False, "tool_error")
    assert fields["error.message"] == "I will not"


def test_a_json_rpc_error_of_a_tool_is_a_failure_with_its_code(era, events):
    run(sdk(), era, call("protocol"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.code"] == str(ERROR_CODE)
    assert fields["error.type"] == str(ERROR_CODE)
    assert fields["error.message"] == "quota gone"


@HIGH
def test_bad_arguments_are_a_failure_that_does_not_repeat_them(make, era, events):
    run(make(), era, call("add", a="hunter2"))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["error.type"] == "ValidationError"
    assert "a: " in fields["error.message"]
    assert "hunter2" not in fields["error.message"]
    assert "mcp.tool.result.text" not in fields


@pytest.mark.parametrize(("make", "error"), [(sdk, "ToolError"), (fast, "NotFoundError")])
def test_an_unknown_tool_is_a_failure(make, error, era, events):
    run(make(), era, call("nothing"))
    fields = events.only("tools/call")
    assert (fields["success"], fields["error.type"]) == (False, error)
    assert fields["gen_ai.tool.name"] == "nothing"
    assert "nothing" in fields["error.message"]


@HIGH
def test_a_resource_is_recorded_with_its_address_size_and_type(make, era, events):
    run(make(), era, lambda client: client.read_resource("file:///notes.txt"))
    fields = events.only("resources/read")
    assert fields["success"] is True
    assert fields["mcp.resource.uri"] == "file:///notes.txt"
    assert fields["mcp.resource.type"] == "file"
    assert fields["mcp.resource.action"] == "read"
    assert fields["mcp.resource.size"] == len("né".encode())
    assert fields["mcp.resource.mime_types"] == ["text/plain"]
    assert fields["event.category"] == ["api", "file"]


@pytest.mark.parametrize(
    ("make", "error"), [(sdk, "ResourceNotFoundError"), (fast, "NotFoundError")]
)
def test_a_missing_resource_is_a_failure_with_its_code(make, error, era, events):
    run(make(), era, lambda client: client.read_resource("file:///gone.txt"))
    fields = events.only("resources/read")
    assert (fields["success"], fields["error.type"]) == (False, error)
    assert fields["error.code"] == "-32602"
    assert fields["mcp.resource.uri"] == "file:///gone.txt"


@HIGH
def test_a_resource_that_cannot_be_read_is_recorded_with_what_it_raised(make, era, events):
    run(make(), era, lambda client: client.read_resource("file:///broken.txt"))
    fields = events.only("resources/read")
    assert (fields["success"], fields["error.type"]) == (False, "OutOfStock")
    assert fields["error.message"] == "no page left"


@HIGH
def test_a_prompt_is_recorded_with_its_arguments(make, era, events):
    run(make(), era, lambda client: client.get_prompt("greet", {"name": "Ada"}))
    fields = events.only("prompts/get")
    assert fields["success"] is True
    assert fields["gen_ai.prompt.name"] == "greet"
    assert fields["mcp.prompt.arguments"] == {"name": "Ada"}
    assert fields["mcp.prompt.message_count"] == 1


@pytest.mark.parametrize(("make", "error"), [(sdk, "ValueError"), (fast, "NotFoundError")])
def test_an_unknown_prompt_is_a_failure(make, error, era, events):
    run(make(), era, lambda client: client.get_prompt("curse"))
    fields = events.only("prompts/get")
    assert (fields["success"], fields["error.type"]) == (False, error)
    assert fields["gen_ai.prompt.name"] == "curse"


@HIGH
def test_listings_are_recorded_once_each_with_their_count(make, era, events):
    run(
        make(),
        era,
        lambda client: client.list_tools(),
        lambda client: client.list_resources(),
        lambda client: client.list_resource_templates(),
        lambda client: client.list_prompts(),
    )
    counts = {
        method: events.only(method)["mcp.result.count"]
        for method in ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
    }
    assert counts == {
        "tools/list": 9,
        "resources/list": 2,
        "resources/templates/list": 0,
        "prompts/list": 1,
    }


@EVERY
def test_the_beginning_of_a_session_is_recorded_once(make, era, events):
    run(make(), "legacy" if era == "legacy" else "auto")
    method = "initialize" if era == "legacy" else "server/discover"
    fields = events.only(method)
    assert fields["success"] is True
    assert fields["event.category"] == ["session"]
    assert fields["mcp.client.name"] in CLIENTS
    assert fields["mcp.protocol.version"] == {"legacy": "2025-11-25"}.get(era, era)


@EVERY
def test_a_method_nobody_serves_is_a_violation(make, era, events):
    run(make(), era, lambda client: client.session.send_request(unknown(), EmptyResult))
    (event,) = events.of("acme/steal")
    assert event.type == "mcp_policy_violations"
    assert event.fields["event.action"] == "method-unknown"
    assert event.fields["mcp.violation.type"] == "unknown_method"
    assert event.fields["error.code"] == "-32601"
    assert event.fields["success"] is False


@EVERY
def test_a_method_of_the_servers_own_is_no_violation(make, era, events):
    server = make()
    instrument(server)
    serve_steal(server)
    run(server, era, lambda client: client.session.send_request(unknown(), EmptyResult))
    (event,) = events.of("acme/steal")
    assert event.type == "mcp_tool_execution"
    assert (event.fields["event.action"], event.fields["success"]) == ("method-call", True)


@EVERY
def test_a_cancelled_call_has_no_known_outcome(make, era, events):
    async def main():
        progress = anyio.Event()
        server = instrument(make(progress))
        async with connect(server, era) as client, anyio.create_task_group() as group:
            group.start_soon(swallow, call("slow")(client))
            with anyio.fail_after(10):
                await progress.wait()
            group.cancel_scope.cancel()
        with anyio.fail_after(10):
            while not events.of("tools/call"):
                await anyio.lowlevel.checkpoint()

    anyio.run(main)
    fields = events.only("tools/call")
    assert "success" not in fields
    assert fields["event.reason"] == "cancelled"
    assert fields["duration_ms"] > 0


@EVERY
def test_pings_and_notifications_leave_no_event(make, era, events):
    async def poke(client):
        if era == "legacy":
            await client.session.send_ping()
            await client.session.send_progress_notification("token", 0.5)

    before = ["session-initialize"] if era == "legacy" else []
    run(make(), era, poke)
    assert events.actions() == before


@pytest.mark.parametrize("make", [sdk, low])
def test_arguments_are_recorded_as_they_came_whatever_the_tool_does_to_them(make, era, events):
    run(make(), era, call("forget", order={"items": [1, 2]}))
    arguments = events.only("tools/call")["gen_ai.tool.call.arguments"]
    assert arguments == {"order": {"items": [1, 2]}}


@HIGH
def test_a_long_text_is_handed_over_as_it_is(make, era, events):
    """Cutting it is the record's, which tells how long it was."""
    run(make(), era, call("long"))
    fields = events.only("tools/call")
    assert fields["mcp.tool.result.text"] == "x" * 5000
    assert fields["mcp.tool.result.size"] == 5000


@HIGH
def test_a_picture_contributes_its_kind_and_size_only(make, era, events):
    run(make(), era, call("picture"))
    fields = events.only("tools/call")
    assert fields["mcp.tool.result.content_types"] == ["image"]
    assert fields["mcp.tool.result.size"] == 1000
    assert "AAAA" not in repr(dict(fields))


def test_a_result_that_is_only_structure_is_handed_over_whole(era, events):
    run(low(), era, call("structured"))
    fields = events.only("tools/call")
    assert fields["mcp.tool.result.text"] == {"total": [3, 4]}
    assert fields["mcp.tool.result.content_types"] == ["structured"]


@EVERY
def test_a_trace_is_taken_from_the_request(make, era, events):
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    meta = {"traceparent": f"00-{trace}-{span}-01", "tracestate": "es=s:1"}
    run(make(), era, lambda client: client.session.call_tool("add", {"a": 1, "b": 2}, meta=meta))
    fields = events.only("tools/call")
    assert (fields["trace.id"], fields["span.id"]) == (trace, span)
    assert fields["mcp.trace.state"] == "es=s:1"


@EVERY
def test_the_host_joins_its_own_records_by_the_ids_that_it_states(make, era, events):
    meta = {"claudecode/toolUseId": "toolu_1", "threadId": "0199"}
    run(make(), era, lambda client: client.session.call_tool("add", {"a": 1, "b": 2}, meta=meta))
    fields = events.only("tools/call")
    assert fields["gen_ai.tool.call.id"] == "toolu_1"
    assert fields["gen_ai.conversation.id"] == "0199"


def unknown():
    return Request[dict, str](method="acme/steal", params={})


def serve_steal(server):
    async def steal(ctx, params):
        return {}

    inner = getattr(server, "_mcp_server", None) or getattr(server, "_lowlevel_server", server)
    inner.add_request_handler("acme/steal", RequestParams, steal)
