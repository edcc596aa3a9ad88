"""`python -m tests.stacks.tasks FOLDER`: a FastMCP server with background tasks, and its client.

It runs in the environment of FastMCP 2.14, which has the tasks of 2025-11-25, or of FastMCP 4 with
the extension of tasks.
"""

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

from fastmcp import Client, FastMCP

import shipper


def shop():
    server = FastMCP("shop")
    with suppress(ImportError):
        from fastmcp_tasks import TasksExtension

        server.add_extension(TasksExtension())

    @server.tool(task=True)
    async def slow(item: str) -> str:
        if item == "gun":
            raise ValueError("not for sale")
        return f"sold {item}"

    return server


async def begun(client, item):
    try:
        from fastmcp_tasks import call_tool_task
    except ImportError:
        return await client.call_tool("slow", {"item": item}, task=True)
    return await call_tool_task(client, "slow", {"item": item})


async def main():
    async with Client(shipper.instrument(shop())) as client:
        for item in ("tea", "gun"):
            task = await begun(client, item)
            with suppress(Exception):
                await task.result()


if __name__ == "__main__":
    audit = logging.getLogger("mcp.audit")
    audit.addHandler(shipper.AuditHandler(Path(sys.argv[1]), audit_level="enterprise"))
    audit.propagate = False
    asyncio.run(main())
