"""No log, no call: what must be recorded is refused while it cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Calls a tool until the record is full, and then with room again. Prints a row for each call:
#: whether the tool ran, and the error that the client got.
PROGRAM = """
import json, logging, os, resource, signal, sys
import anyio
import shipper

directory, on_failure, how = sys.argv[1:]
catalog = {"event_types": {"mcp_tool_execution": {"on_failure": on_failure}}}
handler = shipper.AuditHandler(directory, audit_level="basic", catalog=catalog)
logging.getLogger("mcp.audit").addHandler(handler)
from mcp.server import MCPServer
from mcp import Client

server, ran = shipper.instrument(MCPServer("shop")), []

@server.tool()
def pay(order: str) -> str:
    ran.append(order)
    return "x" * 900

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
filler = os.path.join(directory, "filler")

def fill():
    if how == "limit":
        size = handler.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        return
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def free():
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    else:
        os.unlink(filler)

async def main():
    async with Client(server) as client:
        async def call(order):
            error = None
            try:
                await client.call_tool("pay", {"order": order})
            except Exception as raised:
                error = str(raised)
            print(json.dumps([order, order in ran, error]))
        await call("before")
        fill()
        await call("full")
        await call("full again")
        free()
        await call("after")

anyio.run(main)
handler.close()
print(json.dumps([handler.counts.failed, handler.counts.stated, None]))
"""


def play(directory, on_failure, how):
    words = [sys.executable, "-c", PROGRAM, str(directory), on_failure, how]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {order: (ran, error) for order, ran, error in rows[:-1]}, rows[-1][:2]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield place / "audit"
    subprocess.run(["umount", str(place)], check=True)


def test_on_a_full_disk_a_blocking_call_is_refused_before_it_is_made(small_disk):
    calls, _ = play(small_disk, "block", "disk")
    assert calls["before"] == (True, None)
    for order in ("full", "full again"):
        ran, error = calls[order]
        assert not ran
        assert "cannot be recorded (No space left on device)" in error
    assert calls["after"] == (True, None)


def test_what_only_the_write_shows_withholds_the_answer_and_then_refuses(tmp_path):
    calls, (failed, stated) = play(tmp_path / "audit", "block", "limit")
    assert calls["full"][0]
    assert "refused, because it cannot be recorded" in calls["full"][1]
    ran, error = calls["full again"]
    assert not ran
    assert "refused, because it cannot be recorded" in error
    assert calls["after"] == (True, None)
    assert failed == stated > 0


def test_by_default_calls_continue_and_the_losses_are_stated(tmp_path):
    calls, (failed, stated) = play(tmp_path / "audit", "continue", "limit")
    assert set(calls.values()) == {(True, None)}
    assert failed == stated == 2
