"""Each program in examples/ runs, and what it records is signed, verified and as its text says."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from shipper.cli import main
from shipper.config import load
from tests.conftest import real
from tests.real.mcp_servers import python_servers
from tests.real.processes import dies_with_us, free_ports, wait_until
from tests.test_deploy import checked

EXAMPLES = Path(__file__).parent.parent / "examples"


@contextmanager
def running(name, audit):
    """The program as a process; yields its address."""
    (port,) = free_ports(1)
    environment = {**os.environ, "AUDIT": str(audit), "PORT": str(port)}
    command = [*dies_with_us(), sys.executable, str(EXAMPLES / name)]
    with subprocess.Popen(command, cwd=EXAMPLES, env=environment, start_new_session=True) as server:
        wait_until(lambda: is_listening(port), 60, f"{name} listens")
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) in {0, -signal.SIGTERM}


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def call(url, tool, arguments, token=None):
    """One call; whether it failed."""

    async def calling():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return (await client.call_tool(tool, arguments)).is_error

    return anyio.run(calling)


def events(audit):
    """The events, which must be signed and verified, without those of the stream about itself."""
    home = audit.parent
    config = home / "c.yml"
    settings = {"path.home": str(home), "evidence.key": str(home / "key")}
    config.write_text(json.dumps(settings | {"output.file.path": str(home / "shipped")}))
    assert main(["keys", "create", str(home / "key"), "--name", "example", "-c", str(config)]) == 0
    for words in (["run", "--once"], ["verify"]):
        done = subprocess.run(
            [sys.executable, "-m", "shipper", *words, "-c", config],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    paths = sorted(audit.glob("*.jsonl"))
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    return [one for one in lines if not one["event"]["action"].startswith("audit-")]


def test_fastmcp_with_tokens_records_the_user_and_the_refused_token(tmp_path):
    with running("fastmcp_tokens.py", tmp_path / "audit") as url:
        assert not call(f"{url}/mcp", "order_state", {"order_id": "A-1001"}, "secret-of-ada")
        refused = httpx2.post(f"{url}/mcp", headers={"Authorization": "Bearer wrong"}, json={})
        assert refused.status_code == 401
    found = events(tmp_path / "audit")
    (tool,) = [one for one in found if one["event"]["action"] == "tool-call"]
    assert (tool["user"]["id"], tool["event"]["outcome"]) == ("ada", "success")
    assert "failure" in {
        one["event"]["outcome"] for one in found if "authentication" in one["event"]["category"]
    }
    assert "secret-of-ada" not in "".join(p.read_text() for p in tmp_path.glob("audit/*"))


def test_workers_have_a_stream_each(tmp_path):
    with running("sdk_workers.py", tmp_path / "audit") as url:
        for number in range(6):
            assert not call(f"{url}/mcp", "add", {"a": number, "b": 1})
    found = events(tmp_path / "audit")
    assert len([one for one in found if one["event"]["action"] == "tool-call"]) == 6
    assert len({one["mcp"]["audit"]["stream"]["id"] for one in found}) in {1, 2}


def test_a_server_mounted_in_fastapi_records_its_calls_and_decisions(tmp_path):
    with running("fastapi_mount.py", tmp_path / "audit") as url:
        assert httpx2.get(f"{url}/health").json() == "ok"
        assert call(f"{url}/tools/mcp", "delete_customer", {"customer": "c-7"})
    actions = [one["event"]["action"] for one in events(tmp_path / "audit")]
    assert "tool-call" in actions
    assert "authz-decision" in actions


@pytest.fixture(scope="module")
def time_server():
    """The command of a server that somebody else wrote."""

    @contextmanager
    def found():
        yield [str(python_servers()), "-m", "mcp_server_time"]

    with real(found) as command:
        yield command


def test_the_server_of_somebody_else_is_recorded(time_server, tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLES / "wrap_any_server.py", *time_server],
        env={**os.environ, "AUDIT": str(tmp_path / "audit")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("calling get_current_time")
    (tool,) = [one for one in events(tmp_path / "audit") if one["event"]["action"] == "tool-call"]
    assert tool["event"]["outcome"] == "success"


def test_the_client_configuration_starts_the_server_through_wrap(capsys):
    servers = json.loads((EXAMPLES / "client.json").read_text())["mcpServers"]
    (server,) = servers.values()
    options = server["args"][: server["args"].index("--")]
    with pytest.raises(SystemExit) as ended:
        main([*options, "--help"])
    assert (server["command"], ended.value.code) == ("mcp-shipper", 0)
    assert "--service" in capsys.readouterr().out


def test_the_compose_file_and_what_it_mounts_are_valid():
    folder = EXAMPLES / "compose"
    schema = ("--builtin-schema", "vendor.compose-spec")
    assert checked("check-jsonschema", *schema, folder / "compose.yml") == ""
    assert checked("hadolint", folder / "Containerfile") == ""
    config = load(folder / "mcp-shipper.yml", {"ES_URL": "https://es:9200", "ES_API_KEY": "a:b"})
    assert list(config.outputs) == ["elasticsearch"]


def test_every_program_is_in_the_table_and_its_file_compiles():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.glob("*.py"):
        assert f"[{path.name}]({path.name})" in page
        compile(path.read_bytes(), path, "exec")
