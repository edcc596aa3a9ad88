"""What `proxy` adds to a round trip over HTTP: the same server, direct and through the proxy."""

import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.report import Column, Report, Row

#: A server of raw bytes that answers at once, on as many connections as come.
_SERVER = """
import socket, sys, threading
body = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hi"}]}}'
head = b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n"
def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b""
    while block := connection.recv(65536):
        data += block
        if data.endswith(b"}"):
            connection.sendall(head % len(body) + body)
            data = b""
listener = socket.create_server(("127.0.0.1", 0))
print("http://127.0.0.1:%d up" % listener.getsockname()[1], file=sys.stderr, flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
_COLUMNS = (
    Column("median µs", "{:,.0f}"),
    Column("p99 µs", "{:,.0f}"),
    Column("calls/s", "{:,.0f}"),
)
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


def round_trips(folder: Path, rounds: int, calls: int) -> Report:
    """Contenders take turns, each on one connection that stays open."""
    took: dict[str, list[float]] = {"direct": [], "proxy": []}
    proxy = [sys.executable, "-m", "shipper", "proxy", "--directory", str(folder)]
    with _started([sys.executable, "-c", _SERVER]) as server:
        words = [*proxy, "--listen", "127.0.0.1:0", "--to", f"http://{server}"]
        with _started(words) as proxied:
            for _ in range(rounds):
                for name, address in (("direct", server), ("proxy", proxied)):
                    took[name] += _round(address, calls)
    rows = [
        Row(
            name,
            {
                "median µs": statistics.median(found) * 1e6,
                "p99 µs": statistics.quantiles(found, n=100)[-1] * 1e6,
                "calls/s": len(found) / sum(found),
            },
        )
        for name, found in took.items()
    ]
    return Report("proxy", f"Round trip of a tool call over HTTP, {calls} calls", _COLUMNS, rows)


@contextmanager
def _started(words: list[str]) -> Iterator[str]:
    """The program; gives the address that it shows on standard error."""
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        found = re.search(r"http://(\S+?)/? ", process.stderr.readline())
        assert found
        yield found[1]
        process.terminate()


def _round(address: str, calls: int) -> list[float]:
    """Seconds of each call; the first of a connection does not count."""
    connection, took = http.client.HTTPConnection(address), []
    for number in range(calls + 1):
        params = {"name": "echo", "arguments": {"message": "hi"}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        body, began = json.dumps(call), time.perf_counter()
        connection.request("POST", "/mcp", body, _HEADERS)
        connection.getresponse().read()
        if number:
            took.append(time.perf_counter() - began)
    connection.close()
    return took
