"""A crash, a cancellation, a time-out and a client that leaves are four things on every stack."""

import json
import os
import subprocess
from contextlib import nullcontext

import pytest

from shipper.auto.launch import with_hook
from shipper.auto.settings import DIRECTORY
from tests.conftest import real
from tests.real.processes import wait_until
from tests.stacks.environments import ROOT, STACKS, make_ready, python_of
from tests.stacks.lines import recorded

DEADLINE_S = 30
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "0"},
}
#: These servers wait for a tool that never ends; only a kill ends them, and the next process knows.
WAIT_FOR_THE_TOOL = {"mcp-1.20", "fastmcp-2.14", "fastmcp-3.4"}
#: The server of fastapi-mcp calls the application over HTTP, and gets an error without a class.
HIDE_THE_CLASS = {"fastapi-mcp-0.4"}


class Raw:
    """A client that writes messages by hand."""

    def __init__(self, python, stack, folder):
        environ = {**os.environ, "PYTHONPATH": str(ROOT), DIRECTORY: str(folder / "audit")}
        command = [str(python), "-m", "tests.stacks.served", stack.kind, str(folder), "auto"]
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.process = subprocess.Popen(
            command, env=with_hook(environ), stderr=subprocess.DEVNULL, text=True, **pipes
        )
        self.ask(1, "initialize", HELLO)
        self.send(method="notifications/initialized")

    def send(self, **message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def call(self, number, tool, **arguments):
        self.send(id=number, method="tools/call", params={"name": tool, "arguments": arguments})

    def answer(self, number):
        for line in self.process.stdout:
            if json.loads(line).get("id") == number:
                return

    def ask(self, number, method, params):
        self.send(id=number, method=method, params=params)
        self.answer(number)

    def hang_up(self, wait_s=DEADLINE_S):
        self.process.stdin.close()
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def slow(client, number, folder):
    """Call the tool that never ends, and wait until it runs."""
    mark = folder / f"slow-{number}"
    client.call(number, "slow", mark=str(mark))
    wait_until(mark.exists, DEADLINE_S, "the slow tool")


def ends(folder):
    """Tool, outcome and reason of each call."""
    calls = [e for e in recorded(folder / "audit") if e["event"]["action"] == "tool-call"]
    return [
        (e["gen_ai"]["tool"]["name"], e["event"]["outcome"], e["event"].get("reason"))
        for e in calls
    ]


@pytest.mark.parametrize(
    "stack",
    [
        pytest.param(stack, id=stack.name, marks=pytest.mark.xdist_group(stack.name))
        for stack in STACKS
    ],
)
def test_a_crash_a_cancellation_a_timeout_and_a_client_that_left_are_four_things(stack, tmp_path):
    with real(lambda: nullcontext(make_ready())), real(lambda: nullcontext(python_of(stack))) as at:
        client = Raw(at, stack, tmp_path)
        client.call(2, "late")
        client.answer(2)
        slow(client, 3, tmp_path)
        client.send(method="notifications/cancelled", params={"requestId": 3})
        client.ask(4, "ping", {})
        slow(client, 5, tmp_path)
        client.hang_up(2 if stack.name in WAIT_FOR_THE_TOOL else DEADLINE_S)
        crashed = Raw(at, stack, tmp_path)
        crashed.call(2, "die")
        crashed.process.wait(DEADLINE_S)
        crashed.hang_up()
        Raw(at, stack, tmp_path).hang_up()
    gone = "process_ended" if stack.name in WAIT_FOR_THE_TOOL else "client_gone"
    timed_out = None if stack.name in HIDE_THE_CLASS else "timed_out"
    assert ends(tmp_path) == [
        ("late", "failure", timed_out),
        ("slow", "unknown", "cancelled"),
        ("slow", "unknown", gone),
        ("die", "unknown", "process_ended"),
    ]
