"""Ways in which people stop a server: after each, the record has its last line."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import anyio
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from shipper.record.format import parse_segment_start, segment_named, streams_in
from shipper.record.seal import unseal
from tests.integration.test_capture_processes import listens
from tests.real.processes import dies_with_us, free_ports, wait_until

PROGRAM = """
    import logging, os, sys
    import uvicorn
    import shipper
    from contextlib import asynccontextmanager
    from starlette.applications import Starlette
    from starlette.routing import Mount

    kind, start, directory, port = os.environ["STOPS"].split()
    logging.getLogger("mcp.audit").addHandler(shipper.AuditHandler(directory))
    if kind == "sdk":
        from mcp.server import MCPServer as Server
        http, make = "streamable-http", "streamable_http_app"
    else:
        from fastmcp import FastMCP as Server
        http, make = "http", "http_app"
    server = shipper.instrument(Server("shop"))

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    if start != "server.run":
        app = getattr(server, make)()
    if start == "mounted":
        inner = app

        @asynccontextmanager
        async def lifespan(outer):
            living = server.session_manager.run() if kind == "sdk" else inner.lifespan(inner)
            async with living:
                yield

        app = Starlette(routes=[Mount("/", inner)], lifespan=lifespan)

    if __name__ == "__main__":
        if start == "server.run":
            server.run(http, port=int(port))
        else:
            uvicorn.run("server:app", port=int(port), reload=False)
"""
STARTS = ("uvicorn.run", "server.run", "uvicorn CLI", "mounted")
SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def call(port):
    async with mcp.Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp")) as client:
        await client.session.call_tool("add", {"a": 1, "b": 2})


def served(folder, kind, start, *, stop, **options):
    """Serve one call; then stop the server. Gives its directory of segments."""
    (folder / "server.py").write_text(textwrap.dedent(PROGRAM))
    directory, (port,) = folder / "audit", free_ports(1)
    command = [sys.executable, "server.py"]
    if start == "uvicorn CLI":
        command = [sys.executable, "-m", "uvicorn", "server:app", "--port", str(port)]
    name = start.replace(" ", "-")
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "STOPS": f"{kind} {name} {directory} {port}", "PYTHONPATH": path}
    with subprocess.Popen(
        [*dies_with_us(), *command], cwd=folder, env=env, stderr=subprocess.DEVNULL, **options
    ) as server:
        try:
            wait_until(lambda: listens(port), 60, "the server listens")
            anyio.run(call, port)
        finally:
            server.send_signal(stop)
    return directory


def streams(directory):
    return [
        [line for path in files for line in path.read_bytes().splitlines()]
        for files in streams_in(directory).values()
    ]


def actions(stream):
    return [json.loads(line)["event"]["action"] for line in stream]


@pytest.mark.parametrize("stop", SIGNALS, ids=lambda stop: stop.name)
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("kind", ["sdk", "fastmcp"])
def test_a_stopped_server_has_written_each_event_once_and_its_last_line(
    kind, start, stop, tmp_path
):
    (stream,) = streams(served(tmp_path, kind, start, stop=stop))
    assert actions(stream).count("tool-call") == 1
    assert actions(stream)[-1] == "audit-segment-end"


def test_the_next_server_names_the_stream_before_it_and_its_head(tmp_path):
    for stop in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        directory = served(tmp_path, "sdk", "server.run", stop=stop)
    first, second, third = streams(directory)
    assert parse_segment_start(first[0]).stream_before is None
    assert actions(second)[-1] != "audit-segment-end"
    for before, after in ((first, second), (second, third)):
        named = parse_segment_start(after[0]).stream_before
        assert named.stream == segment_named(_file_of(directory, before)).stream
        assert named.sequence == json.loads(before[-1])["event"]["sequence"]
        assert named.head == unseal(before[-1])[1]


def _file_of(directory, stream):
    return next(p.name for p in directory.iterdir() if p.read_bytes().startswith(stream[0]))
