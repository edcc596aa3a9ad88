"""A background task, made and followed by a real client: the tool's outcome is in the record."""

import json
import os
import subprocess
from contextlib import nullcontext

import pytest

from tests.conftest import real
from tests.stacks.environments import ROOT, STACKS, Stack, make_ready, python_of

OLD = next(stack for stack in STACKS if stack.name == "fastmcp-2.14")
#: FastMCP 4.2 has no release of the extension yet.
NEW = Stack("fastmcp-4.1-tasks", "fast", ("fastmcp[tasks]==4.1.4", "mcp==2.3.0"))


@pytest.mark.parametrize(
    "stack", [pytest.param(s, id=s.name, marks=pytest.mark.xdist_group(s.name)) for s in (OLD, NEW)]
)
def test_the_request_that_shows_the_outcome_of_a_task_names_the_tool_and_the_call(stack, tmp_path):
    with real(lambda: nullcontext(make_ready())), real(lambda: nullcontext(python_of(stack))) as at:
        done = subprocess.run(
            [str(at), "-m", "tests.stacks.tasks", str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = tmp_path.glob("*.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    of_tool = [e for e in events if e.get("gen_ai", {}).get("tool", {}).get("name") == "slow"]
    made, over = of_tool[0::2], of_tool[1::2]
    assert [short(event) for event in made] == [("tool-call", "unknown", "task")] * 2
    assert [short(event)[1:] for event in over] == [("success", None), ("failure", None)]
    assert [event["mcp"]["call"]["id"] for event in made] == [e["mcp"]["call"]["id"] for e in over]
    assert "not for sale" in over[1]["error"]["message"]


def short(event):
    about = event["event"]
    return about["action"], about["outcome"], about.get("reason")
