"""The client side: what a host asks servers, and what servers ask back, through real SDKs."""

import anyio
import pytest
from fastmcp import Client as FastClient
from fastmcp import FastMCP
from mcp import Client, types
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

import shipper

SHOP = "shop"


def shop():
    server = MCPServer(SHOP)

    @server.tool()
    def sell(item: str) -> str:
        if item == "gun":
            raise ValueError("not for sale")
        return f"sold {item}"

    @server.tool()
    async def slow() -> str:
        await anyio.sleep(30)
        return "late"

    return server


async def accept(_context, _params):
    return types.ElicitResult(action="accept", content={})


def test_the_requests_of_a_client_are_events_with_the_name_of_the_server(events):
    async def play():
        async with Client(shop()) as client:
            shipper.instrument_client(client)
            await client.list_tools()
            await client.call_tool("sell", {"item": "tea", "password": "hunter2"})
            await client.call_tool("sell", {"item": "gun"})

    anyio.run(play)
    assert events.actions() == ["tool-list", "tool-call", "tool-call"]
    sold, refused = events.of("tools/call")
    assert sold.fields["gen_ai.tool.name"] == "sell"
    assert refused.fields["error.type"] == "tool_error"


def test_a_cancelled_request_has_no_answer(events):
    async def play():
        async with Client(shop()) as client:
            shipper.instrument_client(client)
            with anyio.move_on_after(0.2):
                await client.call_tool("slow", {})

    anyio.run(play)
    assert events.only("tools/call")["event.reason"] == "cancelled"


def test_a_question_of_the_server_is_an_event(events):
    server = MCPServer(SHOP)

    @server.tool()
    async def think(context: Context) -> str:
        asked = await context.session.elicit("sure?", {"type": "object", "properties": {}})
        return asked.action

    async def play():
        async with Client(server, elicitation_callback=accept, mode="legacy") as client:
            shipper.instrument_client(client)
            await client.call_tool("think", {})

    anyio.run(play)
    assert events.only("elicitation/create")["mcp.elicitation.action"] == "accept"


def test_a_client_of_fastmcp_is_recorded_too(events):
    server = FastMCP(SHOP)

    @server.tool
    def sell(item: str) -> str:
        return f"sold {item}"

    async def play():
        async with FastClient(server) as client:
            shipper.instrument_client(client)
            shipper.instrument_client(client)
            await client.call_tool("sell", {"item": "tea"})

    anyio.run(play)
    assert len(events.of("tools/call")) == 1


def test_another_value_is_refused_with_the_values_that_are_accepted():
    with pytest.raises(TypeError, match="takes a ClientSession"):
        shipper.instrument_client(object())
