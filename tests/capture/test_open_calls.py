"""A call that ends its process is recorded by the next one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from shipper.record.calls import Begun, OpenCalls, begun, left_calls
from tests.real.processes import wait_until
from tests.record.recorder import assert_whole, lines_of, segments

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60
TOKEN = "ghp_" + "aB3dE6gH9j" * 3 + "kLmNoP"
PROGRAM = """
import logging, os, signal, sys, time
import anyio
import shipper
kind, directory, tool = sys.argv[1:]
logging.getLogger("mcp.audit").addHandler(shipper.AuditHandler(directory, audit_level="basic"))
if kind == "sdk":
    from mcp.server import MCPServer as Server
    from mcp import Client
else:
    from fastmcp import FastMCP as Server, Client
server = shipper.instrument(Server("shop"))

@server.tool()
def leave(order: str) -> str:
    os._exit(7)

@server.tool()
def die(order: str) -> str:
    os.kill(os.getpid(), signal.SIGKILL)

@server.tool()
async def slow(order: str) -> str:
    print("slow", flush=True)
    await anyio.sleep_forever()

@server.tool()
def add(order: str) -> str:
    return order

async def main():
    async with Client(server) as client:
        try:
            await client.call_tool(tool, {"order": "secret 4711"})
        except Exception as error:
            print(error)

anyio.run(main)
"""


def start(directory, tool, kind="sdk", **options):
    command = [sys.executable, "-c", PROGRAM, kind, str(directory), tool]
    return subprocess.Popen(command, cwd=ROOT, text=True, **options)


def call(directory, tool, kind="sdk"):
    with start(directory, tool, kind, stdout=subprocess.DEVNULL) as process:
        return process.wait(DEADLINE_S)


def calls(directory):
    found = [json.loads(line) for path in segments(directory) for line in lines_of(path)]
    return [event for event in found if event["event"]["action"] == "tool-call"]


def open_files(directory):
    return list(directory.glob("*.open"))


@pytest.mark.parametrize(("tool", "code"), [("leave", 7), ("die", -signal.SIGKILL)])
@pytest.mark.parametrize("kind", ["sdk", "fastmcp"])
def test_a_first_call_that_ends_the_process_is_recorded_by_the_next(kind, tool, code, tmp_path):
    assert call(tmp_path, tool, kind) == code
    assert calls(tmp_path) == []
    for _ in range(2):  # and once only
        assert call(tmp_path, "add", kind) == 0
        left, *_ = calls(tmp_path)
        assert left["gen_ai"]["tool"]["name"] == tool
        assert (left["event"]["outcome"], left["event"]["reason"]) == ("unknown", "process_ended")
        assert left["mcp"]["method"]["name"] == "tools/call"
        assert left["mcp"]["request"]["id"].isdecimal()
        assert left["user"]["id"]
        assert [event["gen_ai"]["tool"]["name"] for event in calls(tmp_path)].count(tool) == 1
    assert open_files(tmp_path) == []
    for path in segments(tmp_path):
        assert b"4711" not in lines_of(path)[1]


def test_calls_that_end_leave_nothing_behind(tmp_path):
    assert call(tmp_path, "add") == 0
    assert open_files(tmp_path) == []
    assert [event["event"]["outcome"] for event in calls(tmp_path)] == ["success"]


def test_a_call_in_a_process_that_lives_is_left_to_it(tmp_path):
    with start(tmp_path, "slow", stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "slow\n"
        assert call(tmp_path, "add") == 0
        assert [event["gen_ai"]["tool"]["name"] for event in calls(tmp_path)] == ["add"]
        process.kill()
    assert call(tmp_path, "add") == 0
    names = [event["gen_ai"]["tool"]["name"] for event in calls(tmp_path)]
    assert sorted(names) == ["add", "add", "slow"]


def test_no_argument_is_in_the_file_of_open_calls(tmp_path):
    with start(tmp_path, "slow", stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        (path,) = open_files(tmp_path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"slow" in path.read_bytes()
        assert b"4711" not in path.read_bytes()
        process.kill()


def test_no_secret_in_a_name_is_in_the_file_of_open_calls(tmp_path):
    names = {"gen_ai.tool.name": f"get {TOKEN}", "gen_ai.prompt.name": TOKEN}
    call = begun(0.0, f"x/{TOKEN}", TOKEN, names, TOKEN, from_server=False)
    assert OpenCalls(tmp_path, "x").begin(call) == 0
    (path,) = open_files(tmp_path)
    assert b"[TOKEN]" in path.read_bytes()
    assert TOKEN[:12].encode() not in path.read_bytes()


@pytest.mark.parametrize("text", ["\0" * 500, "\ud800" * 500, "\U0001f600" * 500, '"' * 500])
def test_calls_fit_their_slots_and_are_read_back_in_order(text, tmp_path):
    calls = OpenCalls(tmp_path, "x")
    names = {"gen_ai.tool.name": text, "gen_ai.prompt.name": text}
    for time_s in (1.0, 2.0, 3.0):
        calls.begin(begun(time_s, text, text, names, text, from_server=False))
    calls.end(1)
    calls.abandon()  # as the kernel does when a process ends
    found = []
    for left in left_calls(tmp_path):
        found.append(left.call.time_s)
        left.clear()
    assert found == [1.0, 3.0]
    assert open_files(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"\0" * 9000, b"x" * 9000, b"[1]\n", b'["x\n'])
def test_a_file_that_holds_no_calls_stops_nothing(content, tmp_path):
    (tmp_path / "planted.open").write_bytes(content)
    (tmp_path / "linked.open").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.open")
    (tmp_path / "folder.open").mkdir()
    assert call(tmp_path, "add") == 0
    assert len(calls(tmp_path)) == 1
    assert not (tmp_path / "planted.open").exists()
    assert Path("/etc/hostname").exists()


def test_a_directory_that_cannot_be_written_does_not_stop_the_server(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert call(tmp_path / "file", "add") == 0


def test_the_record_of_a_killed_process_and_of_the_next_are_whole(tmp_path):
    call(tmp_path, "add")
    call(tmp_path, "leave")
    call(tmp_path, "add")
    wait_until(lambda: not open_files(tmp_path), DEADLINE_S, "no open calls")
    for path in segments(tmp_path):
        assert_whole(lines_of(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file of another user")
def test_a_file_of_another_user_is_no_call_of_this_record(tmp_path):
    entry = msgspec.json.encode(Begun(1.0, "tools/call", 1, "pay", user="admin"))
    (tmp_path / "planted.open").write_bytes(entry + b"\n")
    os.chown(tmp_path / "planted.open", 12345, -1)
    assert call(tmp_path, "add") == 0
    assert [event["gen_ai"]["tool"]["name"] for event in calls(tmp_path)] == ["add"]
