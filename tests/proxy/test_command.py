"""The command: it starts, serves, holds little memory, and ends in order or is killed."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from shipper import AuditHandler
from shipper.record.calls import Begun
from tests.capture.http import ADD, MODERN, modern
from tests.proxy.proxied import DEADLINE_S, answering, everything, recorded, reply
from tests.real.processes import wait_until

ROOT = Path(__file__).parents[2]
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@contextmanager
def command(directory, *words):
    """The command in a process of its own; gives it, and the URL that it shows."""
    line = [sys.executable, "-m", "shipper", "proxy", "--directory", str(directory)]
    with subprocess.Popen(
        [*line, "--listen", "127.0.0.1:0", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            shown = process.stderr.readline()
            found = re.fullmatch(r"mcp-shipper: (\S+) passes to \S+\n", shown)
            assert found, shown
            yield process, found[1]
        finally:
            process.kill()


def run(*words):
    line = [sys.executable, "-m", "shipper", "proxy", *words]
    return subprocess.run(
        line, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(number, tmp_path):
    with answering(reply(EMPTY)) as (server, _), command(tmp_path, "--to", f"{server}/mcp") as up:
        process, url = up
        assert url.endswith("/mcp")
        assert httpx2.delete(url, headers={"mcp-session-id": "s"}).status_code == 204
        process.send_signal(number)
        assert process.wait(DEADLINE_S) == 0
    (found,) = recorded(tmp_path)
    assert found["event"]["action"] == "session-end"


def test_fifty_megabytes_take_no_memory(tmp_path):
    size = 50_000_000
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\ndata: "

    def answer(connection):
        connection.sendall(head % size + b"x" * (size - 6))

    with answering(answer, answer) as (server, _), command(tmp_path, "--to", server) as up:
        process, url = up
        sizes = []
        for _ in range(2):
            assert len(httpx2.post(url, json=modern("tools/call", ADD)).content) == size
            sizes.append(psutil.Process(process.pid).memory_info().rss)
    assert max(sizes) < 70 << 20


def test_a_proxy_that_is_killed_leaves_its_open_call_to_the_next_process(tmp_path):
    progress = threading.Event()

    def hang(connection):
        progress.set()
        everything(connection)

    def ask(url):
        with pytest.raises(httpx2.HTTPError):
            httpx2.post(url, json=modern("tools/call", ADD), headers=MODERN, timeout=DEADLINE_S)

    with answering(hang) as (server, _), command(tmp_path, "--to", f"{server}/mcp") as up:
        process, url = up
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        assert progress.wait(DEADLINE_S)
        noted = lambda: any(b"tools/call" in p.read_bytes() for p in tmp_path.glob("*.open"))  # noqa: E731
        wait_until(noted, DEADLINE_S, "the call is noted")
        process.kill()
        asking.join(DEADLINE_S)
    handler = AuditHandler(tmp_path)
    handler.begin(Begun(0, "ping"))
    handler.close()
    assert recorded(tmp_path)[-1]["event"]["reason"] == "process_ended"


WRONG = {
    "no URL": ["--to", "localhost:80"],
    "a query": ["--to", "http://a/?b"],
    "two at one place": ["--to", "http://a", "--to", "http://b"],
    "one at the root": ["--to", "/=http://a"],
    "a port": ["--to", "http://a", "--listen", "a:99999"],
    "no certificate": ["--to", "http://a", "--certificate", "/no/such"],
    "no authority": ["--to", "http://a", "--ca", "/no/such"],
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_a_wrong_configuration_is_reported(words, tmp_path):
    done = run("--directory", str(tmp_path), *words)
    assert done.returncode == os.EX_CONFIG
    assert words[-2] in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_proxy_that_cannot_record_does_not_start(tmp_path):
    (tmp_path / "file").touch()
    done = run("--to", "http://a", "--directory", str(tmp_path / "file" / "x"))
    assert done.returncode == os.EX_CONFIG
    assert "--directory" in done.stderr


def test_an_address_that_is_taken_is_named(tmp_path):
    with command(tmp_path / "one", "--to", "http://a") as (_, url):
        listen = url.split("//")[1]
        done = run("--directory", str(tmp_path / "two"), "--to", "http://a", "--listen", listen)
    assert done.returncode == os.EX_UNAVAILABLE
    assert f"cannot listen at {listen}" in done.stderr


def test_a_catalog_that_is_not_valid_is_refused_with_its_place(tmp_path):
    file = tmp_path / "catalog.yml"
    file.write_text("fields: {acme.order: {type: nonsense}}\n")
    options = ("--directory", str(tmp_path), "--catalog", str(file))
    done = run("--to", "http://127.0.0.1:9/mcp", *options)
    assert done.returncode != 0
    assert f"{file}:1" in done.stderr
