"""A call that ends before its time: cancelled, client gone, server ended, timed out."""

import anyio
import fastmcp
import mcp_types as types
import pytest
from mcp.server import MCPServer
from mcp.shared.memory import create_client_server_memory_streams
from mcp.shared.message import SessionMessage

from shipper.capture import instrument
from tests.capture.stacks import ERAS, call, low, run

CALL = {"name": "slow", "arguments": {}}
BOTH = pytest.mark.parametrize("make", [MCPServer, fastmcp.FastMCP], ids=["sdk", "fastmcp"])
BOTH_ERAS = pytest.mark.parametrize("era", ERAS)


def message(request_id, method, **params):
    request = types.JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params)
    return SessionMessage(request)


def notice(method, **params):
    return SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method=method, params=params))


HELLO = message(
    1,
    "initialize",
    protocolVersion="2025-11-25",
    capabilities={},
    clientInfo={"name": "probe", "version": "1"},
)


async def cancel(to_server, _serving):
    await to_server.send(notice("notifications/cancelled", requestId=2, reason="enough"))


async def leave(to_server, _serving):
    await to_server.aclose()


async def stop(_to_server, serving):
    serving.cancel()


ENDS = {"cancelled": cancel, "client_gone": leave, "server_ended": stop}


@pytest.mark.parametrize("reason", ENDS)
def test_each_way_to_end_a_call_early_has_its_reason(reason, events):
    begun = anyio.Event()
    server = instrument(low(begun))

    async def main():
        async with create_client_server_memory_streams() as (client, ends):
            from_server, to_server = client
            async with anyio.create_task_group() as group:
                group.start_soon(server.run, *ends, server.create_initialization_options())
                await to_server.send(HELLO)
                await from_server.receive()
                await to_server.send(notice("notifications/initialized"))
                await to_server.send(message(2, "tools/call", **CALL))
                with anyio.fail_after(10):
                    await begun.wait()
                    await ENDS[reason](to_server, group.cancel_scope)
                    while not events.of("tools/call"):
                        await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

    anyio.run(main)
    fields = events.only("tools/call")
    assert "success" not in fields
    assert fields["event.reason"] == reason


def test_a_server_has_the_name_that_its_run_gives_to_clients(events):
    server = instrument(low(anyio.Event()))
    options = server.create_initialization_options()

    async def main():
        async with create_client_server_memory_streams() as (client, ends):
            from_server, to_server = client
            async with anyio.create_task_group() as group:
                named = options.model_copy(update={"server_name": "sqlite"})
                group.start_soon(server.run, *ends, named)
                await to_server.send(HELLO)
                await from_server.receive()
                group.cancel_scope.cancel()

    anyio.run(main)
    assert events.only("initialize")["mcp.server.name"] == "sqlite"


@BOTH
@BOTH_ERAS
def test_a_tool_that_times_out_is_a_failure_and_not_a_denial(make, era, events):
    async def patient() -> str:
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    server = make("shop")
    server.tool()(patient)
    run(instrument(server), era, call("patient"))
    fields = events.only("tools/call")
    assert (fields["success"], fields["error.type"]) == (False, "TimeoutError")
    assert fields["event.reason"] == "timed_out"
    assert "denied" not in fields["event.type"]


@BOTH_ERAS
def test_a_time_limit_of_fastmcp_is_a_time_out(era, events):
    async def slow() -> str:
        await anyio.sleep_forever()

    server = fastmcp.FastMCP("shop")
    server.tool(timeout=0.01)(slow)
    run(instrument(server), era, call("slow"))
    fields = events.only("tools/call")
    assert (fields["success"], fields["event.reason"]) == (False, "timed_out")
    assert "denied" not in fields["event.type"]
