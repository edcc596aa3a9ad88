"""A server of the official SDK behind uvicorn with several workers: one audit stream for each.

pip install '/path/to/checkout[mcp]', then: python sdk_workers.py
Its endpoint is http://127.0.0.1:8000/mcp. Each worker imports this module again, so the handler is
made here and not under `__main__`.
"""

import logging
import os

import uvicorn
from mcp.server import MCPServer

import shipper

audit = logging.getLogger("mcp.audit")
audit.setLevel(logging.INFO)
audit.addHandler(shipper.AuditHandler(os.environ.get("AUDIT", "audit")))

server = MCPServer("adder")
shipper.instrument(server)


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


# Without sessions, any worker can answer any request.
app = server.streamable_http_app(stateless_http=True)

if __name__ == "__main__":
    uvicorn.run("sdk_workers:app", port=int(os.environ.get("PORT", "8000")), workers=2)
