"""A FastMCP server over HTTP with bearer tokens and a lifespan. Every call and refusal is recorded.

pip install '/path/to/checkout[fastmcp]', then: python fastmcp_tokens.py
Its endpoint is http://127.0.0.1:8000/mcp; the token is `secret-of-ada`.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastmcp import Context, FastMCP
from fastmcp.server.auth import AccessToken, TokenVerifier

import shipper


class Verifier(TokenVerifier):
    """Knows one token. A real one asks the authorization server, or checks a signature."""

    async def verify_token(self, token: str) -> AccessToken | None:
        if token != "secret-of-ada":
            return None
        return AccessToken(token=token, client_id="agent", subject="ada", scopes=["orders"])


@asynccontextmanager
async def lifespan(_server: FastMCP) -> AsyncIterator[dict[str, str]]:
    """What the server opens at its start and closes at its end, such as a database."""
    yield {"A-1001": "paid"}


server = FastMCP("orders", auth=Verifier(required_scopes=["orders"]), lifespan=lifespan)
shipper.instrument(server)


@server.tool
def order_state(order_id: str, context: Context) -> str:
    """Say how an order is."""
    return context.lifespan_context[order_id]


if __name__ == "__main__":
    audit = logging.getLogger("mcp.audit")
    audit.setLevel(logging.INFO)
    audit.addHandler(shipper.AuditHandler(os.environ.get("AUDIT", "audit")))
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    server.run("http", host=host, port=port)
