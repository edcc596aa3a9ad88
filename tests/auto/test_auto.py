"""Servers recorded without a changed line: what the hook does to a process, and what it does not.

What it records of each stack is in tests/stacks.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import shipper
from shipper.auto.launch import with_hook
from shipper.auto.settings import DIRECTORY
from shipper.home import default_record

MAIN = [sys.executable, "-m", "shipper.auto"]
SERVER = """
import asyncio, sys
from mcp.server import MCPServer
import mcp
server = MCPServer("shop")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

async def main():
    async with mcp.Client(server) as client:
        result = await client.call_tool("add", {"a": 1, "b": 2})
        print("result", result.content[0].text)

asyncio.run(main())
sys.stderr.write("done")
sys.exit(3)
"""
SDKS = "mcp", "mcp_types", "fastmcp", "starlette", "pydantic", "shipper.capture"


def start(*command, environ=None, auto=MAIN):
    given = {**os.environ, "HOME": "/nonexistent", **(environ or {})}
    return subprocess.run(
        [*auto, *command], env=given, capture_output=True, text=True, timeout=60, check=False
    )


def python(program, **options):
    directory = options.pop("directory")
    return start(*("--directory", directory, "--", sys.executable, "-c", program), **options)


def actions(directory):
    paths = sorted(Path(directory).glob("*.jsonl"))
    events = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    return [event["event"]["action"] for event in events]


@pytest.mark.parametrize("auto", [MAIN, [sys.executable, "-m", "shipper", "auto"]])
def test_a_server_runs_as_ever_and_is_recorded(auto, tmp_path):
    done = python(SERVER, directory=tmp_path, auto=auto)
    assert (done.stdout, done.stderr, done.returncode) == ("result 3\n", "done", 3)
    assert "tool-call" in actions(tmp_path)


def test_nothing_of_an_sdk_is_loaded_before_the_program_asks_for_it(tmp_path):
    done = python("import sys; print(*sys.modules)", directory=tmp_path)
    assert set(SDKS) & set(done.stdout.split()) == set()
    assert "shipper.auto.hook" in done.stdout.split()


def test_a_program_without_a_server_leaves_no_file(tmp_path):
    python("print(1)", directory=tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_environment_may_name_the_directory(tmp_path):
    start("--", sys.executable, "-c", SERVER, environ={DIRECTORY: str(tmp_path)})
    assert "tool-call" in actions(tmp_path)


def test_without_a_directory_the_shippers_own_input_is_recorded_to(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_record() == Path("/data/mcp-shipper/audit")


def test_the_level_and_the_service_are_options(tmp_path):
    options = ["--level", "enterprise", "--service", "orders", "--directory", str(tmp_path)]
    start(*options, "--", sys.executable, "-c", SERVER)
    (path,) = tmp_path.glob("*.jsonl")
    assert '"service":{"name":"orders"' in path.read_text().replace(" ", "")


def test_a_server_whose_record_cannot_be_opened_works_and_says_so(tmp_path):
    (tmp_path / "file").touch()
    done = python(SERVER, directory=tmp_path / "file")
    assert (done.stdout, done.returncode) == ("result 3\n", 3)
    assert "events are not recorded" in " ".join(done.stderr.split())


def test_a_level_that_does_not_exist_is_refused_before_the_server_starts(tmp_path):
    done = start("--level", "loud", "--directory", str(tmp_path), "--", sys.executable, "-c", "1/0")
    assert done.returncode != 0
    assert "loud" in done.stderr
    assert "ZeroDivisionError" not in done.stderr


def test_a_command_that_does_not_exist_is_named(tmp_path):
    done = start("--directory", str(tmp_path), "--", "no-such-server")
    assert done.returncode == 1
    assert "cannot start no-such-server" in done.stderr


def test_no_command_is_a_mistake_that_says_what_is_missing():
    done = start()
    assert done.returncode == 1
    assert "give the server to start" in done.stderr


def test_a_sitecustomize_of_others_runs_too(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = 'here'")
    environ = {"PYTHONPATH": str(tmp_path)}
    done = python("import sys; print(sys.theirs)", directory=tmp_path / "new", environ=environ)
    assert done.stdout == "here\n"


def test_a_python_without_the_shipper_gets_the_launchers(tmp_path):
    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare" / "bin" / "python"
    program = "import sys, shipper.capture; print(*sys.path)"
    done = start("--directory", str(tmp_path / "audit"), "--", str(bare), "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(Path(shipper.__file__).parent.parent) not in done.stdout.split()


def test_a_python_of_another_version_runs_and_says_that_it_is_not_recorded(tmp_path):
    venv.create(tmp_path / "bare", with_pip=False)
    environ = with_hook({**os.environ, DIRECTORY: str(tmp_path / "audit")})
    environ["MCP_SHIPPER_PYTHON"] = "cpython-39"
    done = subprocess.run(
        [tmp_path / "bare" / "bin" / "python", "-c", "print(1)"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert done.stderr.startswith("mcp-shipper: this Python is not recorded: ModuleNotFoundError")


APP = """
import logging, uvicorn
from mcp.server import MCPServer
if {served}:
    server = MCPServer("shop")

async def app(scope, receive, send):
    pass

config = uvicorn.Config(app, log_config=None)
config.load()
layer = config.loaded_app
print(type(layer).__name__)
"""


@pytest.mark.parametrize(("served", "is_wrapped"), [(True, True), (False, False)])
def test_uvicorns_app_is_wrapped_where_an_mcp_server_is(served, is_wrapped, tmp_path):
    done = python(APP.format(served=served), directory=tmp_path)
    assert (done.stdout == "AuditASGI\n") is is_wrapped


def test_the_operators_catalog_holds_for_a_server_that_is_started_so(tmp_path):
    file = tmp_path / "catalog.yml"
    file.write_text("payloads: [{arguments: names}]\n")
    done = python(SERVER, directory=tmp_path, environ={"MCP_SHIPPER_CATALOG": str(file)})
    assert done.returncode == 3
    assert any("arguments:names" in path.read_text() for path in tmp_path.glob("*.jsonl"))
    file.write_text("payloads: 7\n")
    done = python(SERVER, directory=tmp_path, environ={"MCP_SHIPPER_CATALOG": str(file)})
    assert f"{file}:1" in done.stderr
    assert "result" not in done.stdout
