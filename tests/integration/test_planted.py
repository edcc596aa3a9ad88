"""Secrets planted in arguments, results, errors, URIs and headers are in no file afterwards."""

import json
import logging
import subprocess
import sys
from contextlib import suppress

import anyio
import pytest
from fastmcp import FastMCP
from mcp import MCPError
from mcp.server import MCPServer

import shipper
from tests.capture.http import app_of, client_of, serving

PLANTED = {
    "password": "correct-horse-battery",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "card": "4111111111111111",
    "spaced": "5500 0000 0000 0004",
    "mail": "alice.liddell@example.com",
    "url": "postgres://svc:s3cr3t-pg@db/orders",
}
#: What must not be found: of the URL, the password in it.
HIDDEN = [*(v for k, v in PLANTED.items() if k != "url"), "s3cr3t-pg"]


def with_tools(server):
    @server.tool()
    def echo(password: str, note: str, nested: dict) -> str:
        return json.dumps({"you sent": [password, note, nested]})

    @server.tool()
    def crash(password: str, note: str) -> str:
        raise RuntimeError(f"cannot log in with {password}: {note}")

    @server.resource("file://{name}/x")
    def read(name: str) -> str:
        return f"content of {name} for {PLANTED['mail']}"

    @server.prompt()
    def draft(note: str) -> str:
        return note

    return server


async def play(app, era):
    # Nobody can know a password by its looks: only by its name, and where a result or an error
    # repeats it. An argument of another name stays, or a caller could hide what was done.
    note = " and ".join(value for key, value in PLANTED.items() if key != "password")
    with serving(app) as url:
        agent = {"user-agent": f"agent of {PLANTED['mail']}"}
        async with client_of(url, era, **agent) as client:
            nested = {"deep": [{"authorization": f"Bearer {PLANTED['jwt']}"}, PLANTED], "n": note}
            password = PLANTED["password"]
            await client.session.call_tool(
                "echo", {"password": password, "note": note, "nested": nested}
            )
            await client.session.call_tool("crash", {"password": password, "note": note})
            with suppress(MCPError):
                await client.session.call_tool(note, {"password": password})
            with suppress(MCPError):
                await client.session.read_resource(f"file://{PLANTED['mail']}/x")
            await client.session.get_prompt("draft", {"note": note})


def files_below(directory):
    return [path for path in directory.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.parametrize("era", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("make", [MCPServer, FastMCP])
def test_no_planted_secret_is_in_any_file(make, era, tmp_path):
    handler = shipper.AuditHandler(tmp_path, audit_level="enterprise")
    logger = logging.getLogger("mcp.audit")
    logger.addHandler(handler)
    try:
        anyio.run(play, app_of(shipper.instrument(with_tools(make("planted")))), era)
    finally:
        logger.removeHandler(handler)
        handler.close()
    (segment,) = files_below(tmp_path)
    content = segment.read_text(encoding="utf-8")
    assert [secret for secret in HIDDEN if secret in content] == []
    assert content.count('"action":"tool-call"') == 3
    assert "[EMAIL]" in content


def test_the_demo_finds_none_of_its_own_and_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "demo", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none is in any file" in " ".join(done.stdout.split())
    assert "each follows from the one before" in done.stdout
    assert "15 events acknowledged" in done.stdout


def test_the_demo_says_at_once_that_an_output_cannot_be_reached(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "demo", "--logstash", "127.0.0.1:9", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 69
    assert "127.0.0.1:9" in done.stderr
    assert files_below(tmp_path) == []
