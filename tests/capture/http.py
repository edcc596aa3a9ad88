"""Servers of both SDKs on a real socket, with tokens, and clients whose token can be changed."""

import hashlib
import threading
from contextlib import asynccontextmanager, contextmanager

import httpx2
import mcp
import pytest
import uvicorn
from fastmcp.server.auth import AccessToken as FastAccessToken
from fastmcp.server.auth import TokenVerifier
from mcp.client.streamable_http import streamable_http_client
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

from tests.capture.stacks import fast, low, sdk
from tests.real.processes import wait_until

ISSUER = "https://login.example"
SCOPE = "shop"
#: What each token stands for: client, subject, scopes.
TOKENS = {
    "ada-1": ("agent", "ada", [SCOPE]),
    "ada-2": ("agent", "ada", [SCOPE, "more"]),
    "bob-1": ("agent", "bob", [SCOPE]),
    "robot-1": ("robot", None, [SCOPE]),
    "narrow-1": ("agent", "ada", []),
}
#: The login names of those that have another one than their subject.
NAMES = {"bob": "bob@example.org"}


def grant(kind, token):
    if token not in TOKENS:
        return None
    client, subject, scopes = TOKENS[token]
    claims = {"iss": ISSUER, "preferred_username": NAMES.get(subject)}
    return kind(token=token, client_id=client, subject=subject, scopes=scopes, claims=claims)


class SDKVerifier:
    async def verify_token(self, token):
        return grant(AccessToken, token)


class FastVerifier(TokenVerifier):
    async def verify_token(self, token):
        return grant(FastAccessToken, token)


def sdk_with_tokens(progress=None):
    settings = AuthSettings(
        issuer_url=ISSUER,
        resource_server_url="http://127.0.0.1/mcp",
        required_scopes=[SCOPE],
        validate_token_resource=False,
    )
    return sdk(progress, auth=settings, token_verifier=SDKVerifier())


def fast_with_tokens(progress=None):
    return fast(progress, auth=FastVerifier(required_scopes=[SCOPE]))


WITH_TOKENS = {"sdk": sdk_with_tokens, "fastmcp": fast_with_tokens}
WITHOUT = {"sdk": sdk, "fastmcp": fast, "low": low}

GUARDED = pytest.mark.parametrize("make", WITH_TOKENS.values(), ids=WITH_TOKENS)
OPEN = pytest.mark.parametrize("make", WITHOUT.values(), ids=WITHOUT)

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "0"},
    },
}
ACCEPT = {"accept": "application/json, text/event-stream"}
ADD = {"name": "add", "arguments": {"a": 1, "b": 2}}
MODERN = {
    **ACCEPT,
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "add",
}


def modern(method, params):
    prefix = "io.modelcontextprotocol/"
    meta = {f"{prefix}protocolVersion": "2026-07-28", f"{prefix}clientCapabilities": {}}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def app_of(server, **options):
    make = getattr(server, "http_app", None) or server.streamable_http_app
    return make(**options)


@contextmanager
def serving(app):
    """The app on a free port of 127.0.0.1, by uvicorn, in a thread; gives its base URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), 10, "uvicorn listens")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive()


class Bearer(httpx2.Auth):
    """Sends a token that can be exchanged for another at any moment."""

    def __init__(self, token):
        self.token = token

    def auth_flow(self, request):
        if self.token:
            request.headers["authorization"] = f"Bearer {self.token}"
        yield request


@asynccontextmanager
async def client_of(url, era, bearer=None, **headers):
    async with (
        httpx2.AsyncClient(auth=bearer, headers=headers) as http,
        mcp.Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=era) as client,
    ):
        yield client


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()[:32]
