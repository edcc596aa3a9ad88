"""One server built with each SDK, all with the same tools, and clients for both eras."""

import anyio
import fastmcp
import mcp
import mcp_types as types
from fastmcp.exceptions import ToolError as FastToolError
from mcp.server import MCPServer, Server
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError

from shipper.capture import instrument

ERAS = ("legacy", "2026-07-28")
ERROR_CODE = -32050


class OutOfStock(Exception):
    """A failure of the application's own."""


def tools(refusal, progress):
    """The tools, as plain functions; `progress` tells when a slow one has begun."""

    def add(a: int, b: int) -> int:
        return a + b

    def crash(password: str) -> str:
        raise OutOfStock("no more of " + password)

    def refuse() -> str:
        raise refusal("not on Sundays")

    async def slow() -> str:
        progress.set()
        await anyio.sleep_forever()

    def protocol() -> str:
        raise MCPError(ERROR_CODE, "quota gone")

    def says_no() -> types.CallToolResult:
        return types.CallToolResult(content=[text("I will not")], is_error=True)

    def forget(order: dict) -> str:
        order["items"].clear()
        return "forgotten"

    def long() -> str:
        return "x" * 5000

    def picture() -> types.ImageContent:
        return types.ImageContent(type="image", data="AAAA" * 250, mime_type="image/png")

    return [add, crash, refuse, slow, protocol, says_no, forget, long, picture]


def text(value):
    return types.TextContent(type="text", text=value)


def high_level(server, refusal, progress):
    for function in tools(refusal, progress):
        server.tool()(function)
    server.resource("file:///notes.txt", mime_type="text/plain")(notes)
    server.resource("file:///broken.txt")(broken)
    server.prompt("greet")(greet)
    return server


def notes() -> str:
    return "né"


def greet(name: str) -> str:
    return "Hello " + name


def broken() -> str:
    raise OutOfStock("no page left")


def sdk(progress=None, **options):
    return high_level(MCPServer("shop", **options), ToolError, progress)


def fast(progress=None, **options):
    return high_level(fastmcp.FastMCP("shop", **options), FastToolError, progress)


def low(progress=None):
    """A low-level server, which has only what it is given."""

    async def list_tools(ctx, params):
        tool = types.Tool(name="add", input_schema={"type": "object", "properties": {}})
        return types.ListToolsResult(tools=[tool])

    async def call_tool(ctx, params):
        match params.name:
            case "add":
                return types.CallToolResult(content=[text(str(sum(params.arguments.values())))])
            case "crash":
                raise OutOfStock("no more of " + params.arguments["password"])
            case "forget":
                params.arguments["order"]["items"].clear()
                return types.CallToolResult(content=[text("forgotten")])
            case "structured":
                return types.CallToolResult(content=[], structured_content={"total": [3, 4]})
            case "slow":
                progress.set()
                await anyio.sleep_forever()
        return types.CallToolResult(content=[text("no such tool")], is_error=True)

    return Server("shop", on_list_tools=list_tools, on_call_tool=call_tool)


STACKS = {"sdk": sdk, "fastmcp": fast, "low": low}


def connect(server, era, **options):
    """A client of the server's own kind."""
    if isinstance(server, fastmcp.FastMCP):
        return fastmcp.Client(server, mode=era, **options)
    return mcp.Client(server, mode=era, **options)


def session_of(client):
    """The session below a client: it sends what the client would check first."""
    return client.session


async def swallow(call):
    """The error of a call that is expected to fail on the client's side too, or its result."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - clients of two SDKs raise many kinds
        return error


def run(server, era, *steps, **options):
    """Do the steps one after another with one client, failures and all; what each came to."""

    async def main():
        async with connect(instrument(server), era, **options) as client:
            return [await swallow(step(client)) for step in steps]

    return anyio.run(main)


def call(tool, **arguments):
    """A step: call a tool, whatever it answers."""
    return lambda client: session_of(client).call_tool(tool, arguments)
