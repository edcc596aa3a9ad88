"""Nobody else's logging configuration silences the record, and whoever can is reported in it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.record.recorder import documents, streams

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60

#: Calls on an instrumented server, and an event of the application's own, after `{change}`.
PROGRAM = """
import logging, logging.config, os, sys
import anyio, mcp
import shipper
from shipper.capture.emit import FAILURES
from mcp.server import MCPServer

directory = sys.argv[1]
audit = logging.getLogger("mcp.audit")
handler = shipper.AuditHandler(directory)
logging.getLogger({logger!r}).addHandler(handler)
server = shipper.instrument(MCPServer("shop"))

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

async def call():
    async with mcp.Client(server) as client:
        for n in range(3):
            await client.call_tool("add", {{"a": n, "b": n}})

own = shipper.create_tool_execution_event("bob", "own")
{change}
anyio.run(call)
audit.info(own)
counts = handler.counts
assert FAILURES.count == 0
"""

SILENCERS = {
    "a dictConfig": "logging.config.dictConfig({'version': 1})",
    "a dictConfig of the root": (
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'ERROR', 'handlers': []}})"
    ),
    "a dictConfig of the parent": (
        "logging.config.dictConfig("
        "{'version': 1, 'loggers': {'mcp': {'level': 'ERROR', 'handlers': []}}})"
    ),
    "a fileConfig": (
        "import io; logging.config.fileConfig(io.StringIO('''"
        "[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n[formatters]\\nkeys=\\n"
        "[logger_root]\\nlevel=ERROR\\nhandlers=\\n'''))"
    ),
    "uvicorn's log_config": (
        "import uvicorn; uvicorn.Config('x:y', log_config={'version': 1}).configure_logging()"
    ),
    "a basicConfig with force": "logging.basicConfig(force=True, level=logging.ERROR)",
    "a disabled logger": "audit.disabled = True",
    "a disabled level": "logging.disable(logging.CRITICAL)",
    "another root level": "audit.setLevel(logging.NOTSET); logging.root.setLevel(logging.ERROR)",
    "a cleared list of handlers": "audit.handlers = []; logging.root.handlers.clear()",
    "a shutdown": "logging.shutdown()",
    "a disabled parent that keeps no handlers": (
        "logging.getLogger('mcp').disabled = True; logging.getLogger('mcp').handlers.clear()"
    ),
}


def run(directory, change, logger="mcp.audit", after=""):
    code = PROGRAM.format(change=change, logger=logger) + after
    done = subprocess.run(
        [sys.executable, "-c", code, str(directory)],
        cwd=ROOT,
        timeout=DEADLINE_S,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done


def tools(directory):
    found = (document.get("gen_ai", {}).get("tool") for document in documents(directory))
    return [tool["name"] for tool in found if tool]


def of(directory, action):
    return [d for d in documents(directory) if d["event"]["action"] == action]


@pytest.mark.parametrize("change", SILENCERS.values(), ids=SILENCERS)
@pytest.mark.parametrize("logger", ["mcp.audit", "mcp", ""], ids=["audit", "mcp", "root"])
def test_no_logging_configuration_of_others_silences_the_record(logger, change, tmp_path):
    run(tmp_path, change, logger)
    assert tools(tmp_path) == ["add", "add", "add", "own"]
    assert of(tmp_path, "audit-records-lost") == []
    assert of(tmp_path, "audit-records-suppressed") == []


SUPPRESSORS = {
    "a level of its own": "audit.setLevel(logging.ERROR)",
    "a filter of its own": "audit.addFilter(lambda record: False)",
    "a level of the handler": "handler.setLevel(logging.ERROR)",
    "a filter of the handler": "handler.addFilter(lambda record: False)",
    "the handler removed": "audit.removeHandler(handler)",
    "a configuration of its own": (
        "logging.config.dictConfig({'version': 1, 'loggers': {'mcp.audit': {'level': 'ERROR'}}})"
    ),
}


@pytest.mark.parametrize("change", SUPPRESSORS.values(), ids=SUPPRESSORS)
def test_events_that_the_operator_switches_off_are_counted_in_the_record(change, tmp_path):
    run(tmp_path, "audit.info(own)\n" + change, after="assert counts.suppressed >= 4, counts")
    assert tools(tmp_path) == ["own"]
    (told,) = of(tmp_path, "audit-records-suppressed")
    assert told["event"]["outcome"] == "failure"
    assert told["mcp"]["compliance"]["records"] >= 4


def test_events_switched_off_before_the_first_one_are_counted_too(tmp_path):
    run(tmp_path, "audit.setLevel(logging.ERROR)")
    assert tools(tmp_path) == []
    assert len(of(tmp_path, "audit-records-suppressed")) == 1


def test_the_count_of_suppressed_events_comes_before_the_next_event(tmp_path):
    after = "audit.setLevel(logging.INFO); audit.info(own)"
    run(tmp_path, "audit.setLevel(logging.ERROR)", after=after)
    actions = [document["event"]["action"] for document in documents(tmp_path)]
    assert actions.index("audit-records-suppressed") < actions.index("tool-call")
    assert actions.count("audit-records-suppressed") == 1


def test_ordinary_lines_on_the_audit_logger_obey_their_configuration(tmp_path):
    done = run(
        tmp_path,
        "logging.basicConfig(level=logging.ERROR, force=True); audit.setLevel(logging.WARNING)",
        after="audit.info('quiet'); logging.disable(logging.ERROR); audit.error('quiet')",
    )
    assert "quiet" not in done.stderr


TWICE = """
import logging, sys
import shipper
audit = logging.getLogger("mcp.audit")
audit.addHandler(shipper.AuditHandler(sys.argv[1]))
audit.setLevel(logging.INFO)
if __name__ == "__main__":
    import server
    for n in range(5):
        audit.info(shipper.create_tool_execution_event("bob", "own"))
"""


def test_a_module_that_runs_twice_in_one_process_records_each_event_once(tmp_path):
    """As with `uvicorn.run("server:app")` under `__main__`."""
    (tmp_path / "server.py").write_text(TWICE)
    directory = tmp_path / "audit"
    command = [sys.executable, str(tmp_path / "server.py"), str(directory)]
    subprocess.run(command, cwd=tmp_path, timeout=DEADLINE_S, check=True)
    assert tools(directory) == ["own"] * 5
    assert len(streams(directory)) == 1
