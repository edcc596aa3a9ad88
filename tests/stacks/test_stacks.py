"""Each stack, era and transport: a client of its own leaves exactly the expected events.

A run takes one visit of each stack. With `STACKS=all` it takes all, each also by the import hook,
in a server without a changed line, and those over HTTP also through the proxy; `STACKS=write`
writes the golden files.
"""

import os
import subprocess
import sys
from contextlib import nullcontext

import pytest

from shipper.auto.launch import with_hook
from shipper.auto.settings import DIRECTORY
from tests.conftest import real
from tests.real.processes import wait_until
from tests.stacks.environments import ROOT, STACKS, make_ready, python_of
from tests.stacks.golden import expected, write
from tests.stacks.lines import lines, recorded

HOWS = {"memory": ("instrument", "auto"), "http": ("instrument", "auto", "proxy")}
HOWS |= {"stdio": (*HOWS["memory"], "wrap", "wrap --python"), "sse": HOWS["http"]}
EVERY = [(s, t, e, how) for s in STACKS for t, e in s.combinations() for how in HOWS[t]]
#: One visit of each stack; together they take each transport, each era and both ways.
CHOSEN = {
    ("mcp-1.20", "http", "instrument"),
    ("mcp-1.30", "stdio", "auto"),
    ("mcp-1.30-low", "stdio", "auto"),
    ("fastmcp-2.14", "sse", "instrument"),
    ("fastmcp-3.4", "stdio", "auto"),
    ("fastapi-mcp-0.4", "http", "auto"),
    ("mcp-2.3", "http", "auto"),
    ("mcp-2.3-low", "memory", "instrument"),
    ("fastmcp-4.2", "stdio", "auto"),
    ("mcp-1.20", "sse", "proxy"),
    ("mcp-2.3", "http", "proxy"),
    ("mcp-1.30", "stdio", "wrap --python"),
    ("fastmcp-4.2", "stdio", "wrap --python"),
    ("fastmcp-3.4", "stdio", "wrap"),
}
TAKEN = os.environ.get("STACKS", "")


def taken():
    for stack, transport, era, how in EVERY:
        is_chosen = era == stack.eras[-1] and (stack.name, transport, how) in CHOSEN
        if TAKEN or is_chosen:
            marks = pytest.mark.xdist_group(stack.name)
            yield pytest.param(
                *(stack, transport, era, how),
                id=f"{stack.name} {transport} {era} {how}",
                marks=marks,
            )


@pytest.fixture(scope="session", autouse=True)
def uv():
    with real(lambda: nullcontext(make_ready())):
        yield


@pytest.mark.parametrize(("stack", "transport", "era", "how"), list(taken()))
def test_a_visit_leaves_exactly_the_expected_events(stack, transport, era, how, tmp_path):
    with real(lambda: nullcontext(python_of(stack))) as python:
        done = visit(python, stack.kind, transport, era, tmp_path, how)
    assert done.returncode == 0, done.stderr[-2000:]
    sys.stderr.write(done.stderr)  # pytest shows it if the lines are not the expected ones
    if how.startswith("wrap"):
        wait_until(lambda: is_closed(tmp_path / "audit"), 60, "the end of the record")
    seen = lines(tmp_path)
    if how == "proxy":  # it learns that a client has gone while the next request comes
        seen.sort()
    if TAKEN.startswith("write"):
        write(stack, transport, era, how, seen)
    assert seen == expected(stack, transport, era, how)


def is_closed(directory):
    return recorded(directory)[-1:] and "segment-end" in recorded(directory)[-1]["event"]["action"]


def visit(python, kind, transport, era, folder, how):
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    if how == "auto":
        about = {DIRECTORY: str(folder / "audit"), "MCP_SHIPPER_AUDIT_LEVEL": "enterprise"}
        environ = with_hook(environ | about)
    arguments = [kind, transport, era, str(folder), how]
    return subprocess.run(
        [python, "-m", "tests.stacks.visit", *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
