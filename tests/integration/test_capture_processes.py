"""Instrumented servers as processes of their own: what is on disk after a real client left."""

import json
import os
import platform
import pwd
import socket
import subprocess
import sys
import textwrap

import anyio
import httpx2
import mcp
import pytest
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.real.processes import dies_with_us, free_ports, wait_until

ERAS = ("legacy", "2026-07-28")
PROGRAM = """
    import logging, sys
    from shipper.capture import instrument
    from shipper.record.handler import AuditHandler

    kind, directory, port = sys.argv[1:]
    logging.getLogger("mcp.audit").addHandler(AuditHandler(directory))
    if kind == "sdk":
        from mcp.server import MCPServer as Server
        http = "streamable-http"
    else:
        from fastmcp import FastMCP as Server
        http = "http"
    server = instrument(Server("shop"))

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool()
    def crash(password: str) -> str:
        raise KeyError("no such order")

    server.run() if port == "0" else server.run(http, port=int(port))
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "server.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return path


async def calls(client):
    await client.session.call_tool("add", {"a": 1, "b": 2})
    await client.session.call_tool("crash", {"password": "hunter2"})


def lines(directory):
    found = []
    for path in sorted(directory.rglob("*.jsonl")):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    return found


def tool_calls(directory):
    return [e for e in lines(directory) if e.get("event", {}).get("action") == "tool-call"]


def check(directory, transport):
    good, bad = tool_calls(directory)
    assert good["event"]["outcome"] == "success"
    assert bad["event"]["outcome"] == "failure"
    assert bad["error"]["type"] == "KeyError"
    assert {event["network"]["transport"] for event in (good, bad)} == {transport}
    assert "hunter2" not in "".join(p.read_text() for p in directory.rglob("*.jsonl"))
    assert not any("dropped_fields" in event["mcp"]["audit"] for event in lines(directory))
    return good


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ["sdk", "fastmcp"])
def test_a_stdio_server_records_its_calls_for_the_account_it_runs_as(kind, era, program, tmp_path):
    directory = tmp_path / "audit"
    parameters = StdioServerParameters(
        command=sys.executable,
        args=[str(program), kind, str(directory), "0"],
        env={**os.environ, "LOGNAME": "somebody-else"},
    )

    async def main():
        async with mcp.Client(parameters, mode=era) as client:
            await calls(client)

    anyio.run(main)
    event = check(directory, "pipe")
    assert event["user"]["id"] == pwd.getpwuid(os.getuid()).pw_name
    assert event["user"]["domain"] == platform.node()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", ["sdk", "fastmcp"])
def test_an_http_server_records_calls_and_refusals(kind, era, program, tmp_path):
    directory, (port,) = tmp_path / "audit", free_ports(1)
    command = [sys.executable, str(program), kind, str(directory), str(port)]
    with subprocess.Popen(
        [*dies_with_us(), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            wait_until(lambda: listens(port), 30, "the server listens")
            anyio.run(talk, port, era)
            wait_until(lambda: violations(directory), 10, "the refusal is on disk")
        finally:
            server.terminate()
    event = check(directory, "tcp")
    assert event["source"]["ip"] == "127.0.0.1"
    (violation,) = violations(directory)
    assert violation["mcp"]["violation"]["type"] == "malformed_json"


async def talk(port, era):
    url = f"http://127.0.0.1:{port}/mcp"
    async with mcp.Client(streamable_http_client(url), mode=era) as client:
        await calls(client)
    headers = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28",
    }
    async with httpx2.AsyncClient() as http:
        await http.post(url, content=b"{", headers=headers)


def violations(directory):
    return [e for e in lines(directory) if e.get("event", {}).get("action") == "protocol-violation"]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
