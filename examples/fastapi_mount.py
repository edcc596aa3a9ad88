"""A FastAPI application that mounts an MCP server, and records a decision of its own.

pip install '/path/to/checkout[mcp]' fastapi, then: python fastapi_mount.py
Its endpoint is http://127.0.0.1:8000/tools/mcp; /health is FastAPI's.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from mcp.server import MCPServer

import shipper

audit = logging.getLogger("mcp.audit")
audit.setLevel(logging.INFO)
audit.addHandler(shipper.AuditHandler(os.environ.get("AUDIT", "audit")))

server = MCPServer("customers")
shipper.instrument(server)


@server.tool()
def delete_customer(customer: str) -> str:
    """Delete a customer, which this policy never allows."""
    audit.info(shipper.create_authorization_event(None, "tools/call", "house rules", "deny"))
    raise PermissionError(f"{customer} stays")


mounted = server.streamable_http_app()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """FastAPI runs no lifespan of what it mounts; the SDK needs its own."""
    async with server.session_manager.run():
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/tools", mounted)


@app.get("/health")
def health() -> str:
    """Answer monitoring; not an MCP request, so it leaves no event."""
    return "ok"


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
