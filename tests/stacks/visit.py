"""One visit to the shop: a client of the stack's own SDK does everything once, then leaves.

`python -m tests.stacks.visit KIND TRANSPORT ERA FOLDER [HOW]` runs in the environment of a stack.
With `auto` nothing here knows of auditing, with `proxy` the client alone has another address, and
with `wrap` or `wrap --python` it starts another command.
FOLDER gets the events, and the marks of slow tools.
"""

import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import anyio

from tests.stacks import shop

ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
_WAIT_S = 20
#: For the answer to a call that was cancelled; the protocol lets a server send none.
_ANSWER_S = 5


def audited(server, folder, how):
    """The server as an application makes it: with a handler and `instrument`, or with neither."""
    if how != "instrument":
        return server
    import logging

    import shipper

    logging.getLogger("mcp.audit").addHandler(
        shipper.AuditHandler(folder / "audit", audit_level="enterprise")
    )
    logging.getLogger("mcp.audit").propagate = False
    return shipper.instrument(server)


@contextmanager
def serving(app):
    """The app on a free port; gives its base URL."""
    import uvicorn

    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="on")
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_WAIT_S)


@contextmanager
def proxied(url, folder):
    """The address of a proxy to this server, which records it."""
    import subprocess

    words = ["--to", url, "--listen", "127.0.0.1:0", "--directory", str(folder / "audit")]
    command = [sys.executable, "-m", "shipper", "proxy", *words, "--level", "enterprise"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process.stderr.readline().split()[1]
        process.terminate()


def until(condition):
    end = time.monotonic() + _WAIT_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)


@asynccontextmanager
async def old_client(ends):
    """A client of SDK 1.x on the two ends that a transport gives."""
    from mcp import ClientSession

    async with ends as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def new_client(target, era):
    """A client of SDK 2.x."""
    import mcp

    async with mcp.Client(target, mode=era) as client:
        yield client


def old_ends(transport, url, command):
    if transport == "stdio":
        from mcp import StdioServerParameters, stdio_client

        return stdio_client(StdioServerParameters(command=command[0], args=command[1:], env=_env()))
    headers = {"authorization": "Bearer ada"}
    if transport == "sse":
        from mcp.client.sse import sse_client

        return sse_client(f"{url}/sse", headers=headers)
    from mcp.client.streamable_http import streamablehttp_client

    return streamablehttp_client(f"{url}/mcp", headers=headers)


@asynccontextmanager
async def new_ends(transport, url, command):
    if transport == "stdio":
        from mcp import StdioServerParameters, stdio_client

        yield stdio_client(StdioServerParameters(command=command[0], args=command[1:], env=_env()))
        return
    headers = {"authorization": "Bearer ada"}
    if transport == "sse":
        from mcp.client.sse import sse_client

        yield sse_client(f"{url}/sse", headers=headers)
        return
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(headers=headers, timeout=_WAIT_S) as http:
        yield streamable_http_client(f"{url}/mcp", http_client=http)


def _env():
    import os

    return dict(os.environ)


def is_new():
    from importlib.metadata import version

    return version("mcp").partition(".")[0] != "1"


@asynccontextmanager
async def client_of(server, transport, era, url, command):
    """A client of the stack; in memory it is FastMCP's own where the server is FastMCP 4."""
    if not is_new():
        ends = old_ends(transport, url, command) if transport != "memory" else None
        async with _old_memory(server) if ends is None else old_client(ends) as session:
            yield session
    elif transport == "memory":
        import importlib

        package = "fastmcp" if type(server).__module__.startswith("fastmcp") else "mcp"
        async with importlib.import_module(package).Client(server, mode=era) as client:
            yield client.session
    else:
        async with new_ends(transport, url, command) as target, new_client(target, era) as client:
            yield client.session


@asynccontextmanager
async def _old_memory(server):
    from mcp.shared.memory import create_connected_server_and_client_session as connected

    low = next(
        (found for name in ("_mcp_server", "server") if (found := getattr(server, name, None))),
        server,
    )
    async with connected(low) as session:
        yield session


async def swallow(call):
    """The result of a call; a failure of it is as good."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 - clients raise many kinds
        sys.stderr.write(f"swallowed: {error!r}\n")
        return error


async def steps(session, folder):
    """Everything that a client can do, one after another."""
    await swallow(session.list_tools())
    for tool, arguments in (
        ("add", {"a": 1, "b": 2}),
        ("crash", {"password": "p"}),
        ("refuse", {}),
        ("add", {"a": "x"}),
        ("nothing", {}),
        ("outer", {}),
        ("secret", {"a": 1, "b": 2}),
    ):
        await swallow(session.call_tool(tool, arguments))
    await cancelled(session, folder)
    for uri in ("file:///notes.txt", "file:///gone.txt", "file:///broken.txt"):
        await swallow(session.read_resource(uri))
    for name in ("greet", "curse"):
        await swallow(session.get_prompt(name, {"name": "Ada"}))
    await swallow(session.call_tool("redefine", {}))
    await swallow(session.list_tools())
    with anyio.move_on_after(_WAIT_S):
        await swallow(unknown(session))


async def cancelled(session, folder):
    """A call that its client gives up once the tool has begun."""
    mark, ended = folder / "slow", anyio.Event()

    async def call():
        await swallow(session.call_tool("slow", {"mark": str(mark)}))
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        with anyio.move_on_after(_WAIT_S):
            while not mark.exists():  # noqa: ASYNC110 - it may be another process's
                await anyio.sleep(0.01)
        if not is_new():
            from mcp import types

            about = {"requestId": session._request_id - 1, "reason": "enough"}
            params = types.CancelledNotificationParams(**about)
            name = "notifications/cancelled"
            note = types.CancelledNotification(method=name, params=params)
            await session.send_notification(types.ClientNotification(note))
            await session.send_ping()  # the answer comes after what it was sent after
            # If its answer comes while the call is given up, SDK 1.x closes the session: the
            # answer meets a closed stream, and the loop that receives ends (`_handle_response`).
            with anyio.move_on_after(_ANSWER_S):
                await ended.wait()
        group.cancel_scope.cancel()


async def doubled(session, folder):
    """A ping with the id of a call in flight; the client leaves before the call ends."""
    from mcp import types
    from mcp.shared.message import SessionMessage

    mark = folder / "again"
    async with anyio.create_task_group() as group:
        group.start_soon(swallow, session.call_tool("slow", {"mark": str(mark)}))
        with anyio.move_on_after(_WAIT_S):
            while not mark.exists():  # noqa: ASYNC110 - it may be another process's
                await anyio.sleep(0.01)
        about = {"jsonrpc": "2.0", "id": session._request_id - 1, "method": "ping"}
        ping = types.JSONRPCMessage(types.JSONRPCRequest(**about))
        await session._write_stream.send(SessionMessage(ping))
        await session.send_ping()
        group.cancel_scope.cancel()


async def unknown(session):
    """A method that no server has."""
    if is_new():
        import mcp_types as types
    else:
        from mcp import types

    class Vendor(types.Request):
        method: str = "vendor/thing"
        params: dict | None = None

        @property
        def root(self):
            return self

    await session.send_request(Vendor(), types.EmptyResult)


def refusals(url, transport):
    """What a server refuses before MCP sees it, and a session that another token uses."""
    import http.client
    import json

    host, path = url.removeprefix("http://"), "/mcp" if transport == "http" else "/sse"

    def send(method, body=None, token="ada", at=path, **headers):
        connection = http.client.HTTPConnection(host, timeout=_WAIT_S)
        auth = {"authorization": f"Bearer {token}"} if token else {}
        connection.request(method, at, body, {**ACCEPT, **auth, **headers})
        answer = connection.getresponse()
        if answer.headers.get_content_type() == "application/json":
            answer.read()  # an event stream may have no end
        return answer, connection

    def message(method, params, number=1):
        return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "0"},
    }
    call = message("tools/call", {"name": "add", "arguments": {"a": 1, "b": 2}}, 2)
    verb = "POST" if transport == "http" else "GET"
    for token in (None, "stolen", "narrow", "old"):
        answer, connection = send(verb, message("initialize", hello), token)
        answer.read(1)  # a server without a guard answers all
        connection.close()
    if transport == "sse":
        return
    send("POST", "{", "ada")[1].close()
    answer, opened = send("POST", message("initialize", hello))
    session = {"mcp-session-id": answer.headers["mcp-session-id"]}
    answer.read(1)
    opened.close()
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    send("POST", note, **session)[1].close()
    for token in ("ada", "bob"):
        answer, connection = send("POST", call, token, **session)
        answer.read(1)
        connection.close()
    send("DELETE", **session)[1].close()
    send("POST", call, **{"mcp-session-id": "gone"})[1].close()


def visit(kind, transport, era, folder, how):
    module = ["-m", "tests.stacks.served", kind, str(folder), how]
    command = [sys.executable, *module]
    if how.startswith("wrap"):
        words = ["--level", "enterprise", "--directory", str(folder / "audit")]
        words += ["--python"] if how == "wrap --python" else []
        command = [sys.executable, "-m", "shipper", "wrap", *words, "--", *command]
    server = None
    if transport != "stdio":
        server = audited(shop.KINDS[kind](guarded=transport != "memory"), folder, how)

    async def main(url):
        async with client_of(server, transport, era, url, command) as session:
            await steps(session, folder)
            if not is_new() and url is None:
                await doubled(session, folder)

    if transport in {"http", "sse"}:
        with serving(shop.app_of(server, transport)) as url:
            around = proxied(url, folder) if how == "proxy" else nullcontext(url)
            with around as at:
                anyio.run(main, at)
                refusals(at, transport)
    else:
        anyio.run(main, None)


if __name__ == "__main__":
    kind, transport, era, folder, *rest = sys.argv[1:]
    visit(kind, transport, era, Path(folder), rest[0] if rest else "instrument")
