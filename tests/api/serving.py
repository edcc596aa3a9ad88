"""The interface as a real server, with a client of each role."""

import json
import socket
import threading
from contextlib import contextmanager
from http.client import HTTPConnection

import uvicorn

from shipper.api.http.serve import server_config
from shipper.config import from_mapping

TOKENS = {name: f"{name}-".ljust(40, "x") for name in ("app", "ann", "otto", "tess")}
CLIENTS = {
    "app": {"token": TOKENS["app"], "role": "writer"},
    "ann": {"token": TOKENS["ann"], "role": "analyst"},
    "otto": {"token": TOKENS["otto"], "role": "auditor"},
    "tess": {"token": TOKENS["tess"], "role": "tenant", "client_id": "shop"},
}


def configured(home, **api):
    section = {"port": 0, "clients": CLIENTS} | api
    return from_mapping({"path": {"home": str(home)}, "api": section})


@contextmanager
def running(config):
    server = uvicorn.Server(server_config(config))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def ask(port, who, operation, body=None, *, raw=None, method="POST", kind="application/json"):
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": kind}
    if who:
        headers["Authorization"] = f"Bearer {TOKENS.get(who, who)}"
    data = raw if raw is not None else json.dumps(body or {}).encode()
    connection.request(method, f"/v1/{operation}", data, headers)
    response = connection.getresponse()
    found = json.loads(response.read())
    connection.close()
    return response.status, found


def log(port, client="shop", **changes):
    event = {
        "event_type": "mcp_tool_execution",
        "client_id": client,
        "user_id": "amara",
        "event_data": {"tool_name": "pay", "arguments": {"amount": 5}, "result": "paid"},
    }
    status, answer = ask(port, "app", "log_audit_event", event | changes)
    assert status == 200, answer
    return answer["event_id"]


def recorded(home, operation):
    """The events of the self-audit about an operation."""
    return [
        event
        for path in sorted((home / "data" / "audit").glob("*.jsonl"))
        for event in map(json.loads, path.read_bytes().splitlines())
        if event["mcp"].get("compliance", {}).get("operation") == operation
    ]
