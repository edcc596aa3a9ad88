"""An MCP client whose calls have every outcome: success, failure, denial, cancellation."""

import sys
from contextlib import suppress
from pathlib import Path

import anyio
from mcp import Client, MCPError, StdioServerParameters

#: Secrets in the calls; afterwards the demo searches the disk for them.
PLANTED = {
    "password": "hunter2-correct-horse",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "card number": "4111 1111 1111 1111",
    "e-mail address": "alice.liddell@example.com",
}


async def play(audit: Path) -> None:
    """Start the server as a subprocess, make the calls, and stop the server."""
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "shipper.demo.server", str(audit)]
    )
    async with Client(parameters) as client:
        await client.list_tools()
        await client.call_tool("lookup_order", {"order_id": "A-1001"})
        await client.call_tool("lookup_order", {"order_id": "A-9999"})
        await _send_secrets(client)
        await client.call_tool("delete_customer", {"customer": "c-77", "reason": "asked for"})
        with anyio.move_on_after(0.5):
            await client.call_tool("slow_report", {"year": 2026})
        await _ask_for_what_does_not_exist(client)
        await client.read_resource("orders://A-1002/invoice")
        await client.get_prompt("apology", {"customer": "Alice"})


async def _send_secrets(client: Client) -> None:
    await client.call_tool(
        "send_mail",
        {
            "to": PLANTED["e-mail address"],
            "subject": "your order",
            "password": PLANTED["password"],
        },
    )
    await client.call_tool(
        "charge_card",
        {
            "order_id": "A-1001",
            "card_number": PLANTED["card number"],
            "api_key": PLANTED["token"],
        },
    )


async def _ask_for_what_does_not_exist(client: Client) -> None:
    with suppress(MCPError):
        await client.call_tool("drop_all_tables", {})
    with suppress(MCPError):
        await client.read_resource("secrets://root")
