"""An agent's host that starts somebody else's stdio server through `mcp-shipper wrap`.

pip install '/path/to/checkout[mcp]', then: python wrap_any_server.py uvx mcp-server-time
The server may be written in any language. A desktop client does the same with client.json.
"""

import os
import sys

import anyio
from mcp import Client, StdioServerParameters

AUDIT = os.environ.get("AUDIT", "audit")


async def main(command: list[str]) -> None:
    """List the server's tools and call the first one."""
    wrapped = ["-m", "shipper", "wrap", "--directory", AUDIT, "--", *command]
    async with Client(StdioServerParameters(command=sys.executable, args=wrapped)) as client:
        tool, *_ = (await client.list_tools()).tools
        print("calling", tool.name)
        print(await client.call_tool(tool.name, {"timezone": "Europe/Paris"}))


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
