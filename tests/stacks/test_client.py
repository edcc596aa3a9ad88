"""`instrument_client` on both generations of the SDK, whose sessions send requests differently."""

import json
import os
import subprocess
from contextlib import nullcontext

import pytest

from tests.conftest import real
from tests.stacks.environments import ROOT, STACKS, make_ready, python_of

HOSTS = [stack for stack in STACKS if stack.kind in {"sdk1", "sdk2"}]
EXPECTED = [
    "tool-list success",
    "tool-call add success",
    "tool-call crash failure",
    "elicitation success",
    "tool-call ask success",
    "resource-read failure",
    "tool-list success",
    "tool-redefined add failure",
    "tool-call sleep unknown",
]


@pytest.mark.parametrize(
    "stack",
    [
        pytest.param(stack, id=stack.name, marks=pytest.mark.xdist_group(stack.name))
        for stack in HOSTS
    ],
)
def test_a_host_records_what_it_asks_and_is_asked(stack, tmp_path):
    with real(lambda: nullcontext(make_ready())), real(lambda: nullcontext(python_of(stack))) as at:
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [str(at), "-m", "tests.stacks.host", stack.kind, str(tmp_path)]
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]
    written = [path.read_text() for path in sorted(tmp_path.glob("audit/*.jsonl"))]
    events = [json.loads(line) for text in written for line in text.splitlines()]
    seen = [event for event in events if not event["event"]["action"].startswith("audit-")]
    assert [short(event) for event in seen] == EXPECTED
    assert "hunter2" not in "".join(written)


def short(event):
    tool = event.get("gen_ai", {}).get("tool", {}).get("name")
    about = event["event"]
    return " ".join(filter(None, (about["action"], tool, about["outcome"])))
