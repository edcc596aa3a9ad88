"""A proxy in a thread of the test's process, and servers of raw bytes for it."""

import asyncio
import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress

from shipper import AuditHandler
from shipper.proxy.recorder import Recorder
from shipper.proxy.routes import route_of
from shipper.proxy.serve import Listen, serve
from tests.record.recorder import documents

DEADLINE_S = 20


@contextmanager
def proxying(directory, *to, tls=None, to_servers=None):
    """A proxy to these servers; gives its base URL. What is recorded is complete at the end."""
    listen = Listen(
        routes=tuple(map(route_of, to)),
        host="127.0.0.1",
        port=0,
        tls=tls,
        to_servers=to_servers or ssl.create_default_context(),
    )
    up, made = threading.Event(), {}

    async def main():
        made["loop"], made["task"] = asyncio.get_running_loop(), asyncio.current_task()

        def is_up(port):
            made["port"] = port
            up.set()

        with suppress(asyncio.CancelledError):
            await serve(listen, recorder, is_up)

    with Recorder(AuditHandler(directory, audit_level="enterprise")) as recorder:
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        assert up.wait(DEADLINE_S)
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{made['port']}"
        finally:
            made["loop"].call_soon_threadsafe(made["task"].cancel)
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def recorded(directory):
    """The events of a proxy, without its control events; each value has a field in the catalog."""
    found = [d for d in documents(directory) if not d["event"]["action"].startswith("audit-")]
    assert not [d for d in found if "dropped_fields" in d["mcp"].get("audit", {})]
    return found


@contextmanager
def answering(*answers):
    """A server that reads one request on each connection, then lets `answer(connection)` do.

    Gives its base URL, and the requests as they came: head and body. Of a body in chunks it reads
    nothing.
    """
    requests = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(DEADLINE_S)

        def serve_all():
            for answer in answers:
                connection, _ = listener.accept()
                connection.settimeout(DEADLINE_S)
                with connection:
                    head = head_of(connection)
                    requests.append((head, exactly(connection, length_of(head))))
                    answer(connection)

        thread = threading.Thread(target=serve_all)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def head_of(connection):
    """The bytes up to the end of a head; none of what follows."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        if not (byte := connection.recv(1)):
            break
        data += byte
    return data


def length_of(head):
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


def exactly(connection, size):
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def everything(connection):
    data = b""
    while more := connection.recv(1 << 16):
        data += more
    return data


def connected(url):
    host, port = url.split("://")[1].split(":")
    connection = socket.create_connection((host, int(port)), DEADLINE_S)
    connection.settimeout(DEADLINE_S)
    return connection


def reply(data):
    """An answer that is these bytes, after which the connection ends."""
    return lambda connection: connection.sendall(data)
