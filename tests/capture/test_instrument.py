"""Putting capture in place, and what happens when capture itself fails."""

import logging
import subprocess
import sys
from contextlib import suppress

import anyio
import fastmcp
import mcp_types as types
import pytest
from fastmcp.exceptions import AuthorizationError
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.rate_limiting import RateLimitingMiddleware
from mcp.server import MCPServer, Server

from shipper.capture import instrument
from shipper.capture.emit import FAILURES
from tests.capture.stacks import ERAS, STACKS, call, connect, fast, high_level, run, sdk, swallow

EVERY = pytest.mark.parametrize("make", STACKS.values(), ids=STACKS)
MODERN = ERAS[1]


@EVERY
def test_instrument_gives_the_server_back(make):
    server = make()
    assert instrument(server) is server


@EVERY
def test_instrumenting_twice_records_once(make, events):
    run(instrument(instrument(make())), MODERN, call("add", a=1, b=2))
    assert len(events.of("tools/call")) == 1


def test_a_server_whose_low_level_one_is_instrumented_records_once(events):
    server = fast()
    instrument(server._mcp_server)
    run(instrument(server), MODERN, call("add", a=1, b=2), call("crash", password="p"))
    assert [event.fields.get("error.type") for event in events.of("tools/call")] == [
        None,
        "OutOfStock",
    ]


def test_tools_registered_afterwards_are_recorded(events):
    server = instrument(MCPServer("shop"))
    high_level(server, RuntimeError, None)
    run(server, MODERN, call("add", a=1, b=2))
    assert events.only("tools/call")["success"] is True


def test_importing_capture_imports_no_sdk():
    program = "import sys, shipper.capture; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "shipper.capture.install" in loaded
    assert loaded & {"mcp", "mcp_types", "fastmcp", "starlette", "pydantic", "anyio"} == set()


@pytest.mark.parametrize("other", [object(), "server", fastmcp.Client, logging.getLogger()])
def test_anything_else_is_refused_with_what_is_supported(other):
    with pytest.raises(TypeError, match=r"takes a server of the packages mcp .*fastmcp"):
        instrument(other)


def test_events_pass_where_the_operator_set_no_level(events):
    audit = logging.getLogger("mcp.audit")
    audit.setLevel(logging.NOTSET)
    instrument(sdk())
    assert audit.isEnabledFor(logging.INFO)


def test_failures_are_logged_as_warnings(records):
    run(sdk(), MODERN, call("add", a=1, b=2), call("refuse"))
    levels = {record.msg.fields.get("gen_ai.tool.name"): record.levelno for record in records}
    assert levels == {"add": logging.INFO, "refuse": logging.WARNING, None: logging.INFO}


class Broken(logging.Handler):
    def emit(self, record):
        raise OSError("disk gone")


@EVERY
def test_a_failing_record_never_reaches_the_server(make, caplog):
    audit, broken, lost = logging.getLogger("mcp.audit"), Broken(), FAILURES.count
    audit.addHandler(broken)
    try:
        (result,) = run(make(), MODERN, call("add", a=1, b=2))
    finally:
        audit.removeHandler(broken)
    assert result.content[0].text == "3"
    assert FAILURES.count > lost


def test_only_the_first_lost_event_is_told(caplog):
    audit, broken, before = logging.getLogger("mcp.audit"), Broken(), FAILURES.count
    FAILURES.count = 0
    audit.addHandler(broken)
    try:
        run(sdk(), MODERN, *[call("add", a=1, b=2)] * 3)
    finally:
        audit.removeHandler(broken)
        lost, FAILURES.count = FAILURES.count, before
    told = [r for r in caplog.records if r.name == "shipper"]
    assert lost >= 3
    assert [record.levelname for record in told] == ["ERROR"]
    assert "OSError" in told[0].getMessage()
    assert "disk gone" not in told[0].getMessage()


@pytest.mark.parametrize("era", ERAS)
def test_exceptions_reach_the_client_as_without_capture(era):
    steps = [
        call("crash", password="p"),
        call("protocol"),
        call("add", a="x"),
        lambda client: client.read_resource("file:///gone.txt"),
        lambda client: client.get_prompt("curse"),
    ]

    async def plain():
        async with connect(sdk(), era) as client:
            return [repr(await swallow(step(client))) for step in steps]

    assert [repr(result) for result in run(sdk(), era, *steps)] == anyio.run(plain)


class Guard(Middleware):
    async def on_call_tool(self, context, call_next):
        raise AuthorizationError("not for you")


@pytest.mark.parametrize("era", ERAS)
def test_a_call_that_fastmcp_middleware_denies_is_denied_once(era, events):
    server = fast()
    server.add_middleware(Guard())
    run(server, era, call("add", a=1, b=2))
    fields = events.only("tools/call")
    assert fields["success"] is False
    assert fields["event.reason"] == "denied"
    assert fields["event.type"] == ["access", "denied"]
    assert fields["error.message"] == "not for you"


def test_a_call_that_fastmcp_limits_says_so(events):
    server = fast()
    server.add_middleware(RateLimitingMiddleware(max_requests_per_second=0.001, burst_capacity=2))
    run(server, MODERN, *[call("add", a=1, b=2)] * 3)
    reasons = [event.fields.get("event.reason") for event in events.of("tools/call")]
    assert reasons[-1] == "rate_limited"
    assert reasons[0] is None


@pytest.mark.parametrize("era", ERAS)
def test_a_tool_that_calls_another_is_one_request(era, events):
    server = fast()

    @server.tool
    async def outer() -> str:
        await server.call_tool("add", {"a": 1, "b": 2})
        return "done"

    @server.tool
    async def patient() -> str:
        try:
            await server.call_tool("crash", {"password": "p"})
        except Exception:  # noqa: BLE001 - any will do
            return "still here"

    run(server, era, call("outer"), call("patient"))
    assert [event.fields["success"] for event in events.of("tools/call")] == [True, True]


def test_the_failure_of_a_nested_call_is_not_blamed_for_the_tools_own_answer(events):
    server = sdk()

    @server.tool()
    async def patient() -> types.CallToolResult:
        with suppress(Exception):
            await server.call_tool("crash", {"password": "p"})
        said = types.TextContent(type="text", text="sold out")
        return types.CallToolResult(content=[said], is_error=True)

    run(server, MODERN, call("patient"))
    fields = events.only("tools/call")
    assert (fields["error.type"], fields["error.message"]) == ("tool_error", "sold out")


def test_a_mounted_server_is_recorded_under_its_outer_name(events):
    parent = fastmcp.FastMCP("mall")
    parent.mount(fast(), namespace="shop")
    run(parent, MODERN, call("shop_crash", password="p"))
    fields = events.only("tools/call")
    assert fields["gen_ai.tool.name"] == "shop_crash"
    assert fields["mcp.server.name"] == "mall"
    assert fields["error.type"] == "OutOfStock"


def test_each_round_of_a_call_that_asks_back_is_recorded(events):
    server = MCPServer("shop")

    @server.tool()
    async def ask() -> types.InputRequiredResult:
        return types.InputRequiredResult(request_state="step-1")

    run(server, MODERN, lambda c: c.session.call_tool("ask", {}, allow_input_required=True))
    fields = events.only("tools/call")
    assert fields["mcp.result.type"] == "input_required"
    assert "success" not in fields
    assert fields["event.reason"] == "input_required"
    assert "step-1" not in repr(dict(fields))


def test_a_low_level_server_logs_levels_and_subscriptions_by_their_own_names(events):
    async def done(ctx, params):
        return types.EmptyResult()

    server = Server("shop", on_subscribe_resource=done, on_unsubscribe_resource=done)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, done)

    def ask(request):
        return lambda client: client.session.send_request(request, types.EmptyResult)

    target = {"uri": "file:///a"}
    run(
        server,
        "legacy",
        ask(types.SubscribeRequest(params=types.SubscribeRequestParams(**target))),
        ask(types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(**target))),
        ask(types.SetLevelRequest(params=types.SetLevelRequestParams(level="debug"))),
    )
    assert events.actions() == [
        "session-initialize",
        "resource-subscribe",
        "resource-unsubscribe",
        "log-level-set",
    ]
    assert events.only("logging/setLevel")["mcp.compliance.details"] == {"level": "debug"}
