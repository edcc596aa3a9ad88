"""Listens, and serves each client's connection until the proxy is stopped."""

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_address

from msgspec import Struct

from shipper.proxy.channel import BLOCK
from shipper.proxy.connection import Connection, Shared
from shipper.proxy.recorder import Recorder
from shipper.proxy.request import Refusal
from shipper.proxy.routes import Route, Routes
from shipper.record.logger import audit_logger

#: A stream of events holds one for as long as its client listens.
_MAX_CONNECTIONS = 4096
_HANDSHAKE_S = 10
#: What is in flight may end when the proxy is stopped; then it is cut off.
_LAST_S = 5
#: A thread with bytes to pass waits no longer for the other; Python's default is 5 ms.
_SWITCH_S = 1e-4
_STOPS = (signal.SIGTERM, signal.SIGINT)


class Listen(Struct, frozen=True):
    """Where the proxy listens, and its side of TLS in both directions."""

    routes: tuple[Route, ...]
    host: str
    port: int
    tls: ssl.SSLContext | None
    to_servers: ssl.SSLContext


async def serve(listen: Listen, recorder: Recorder, is_up: Callable[[int], None]) -> None:
    """Serve until the task is cancelled; `is_up` gets the port. Raises `OSError`."""
    scheme = "https" if listen.tls else "http"
    shared = Shared(
        Routes(listen.routes), recorder, listen.to_servers, scheme, _only_name(listen.host)
    )
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(shared, reader, writer)
        is_full = len(tasks) >= _MAX_CONNECTIONS
        task = asyncio.create_task(connection.refuse(_FULL) if is_full else connection.run())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    about = {"ssl_handshake_timeout": _HANDSHAKE_S} if listen.tls else {}
    server = await asyncio.start_server(
        connected, listen.host, listen.port, limit=BLOCK, ssl=listen.tls, backlog=1024, **about
    )
    is_up(server.sockets[0].getsockname()[1])
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        await _end(tasks)
        recorder.put(shared.sessions.close)


_FULL = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections")


def run(listen: Listen, recorder: Recorder, is_up: Callable[[int], None]) -> None:
    """Serve until a signal stops the process. Raises `OSError` if it cannot listen."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task
        for number in _STOPS:
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await serve(listen, recorder, is_up)

    audit_logger().propagate = False
    sys.setswitchinterval(_SWITCH_S)
    with suppress(asyncio.CancelledError):
        asyncio.run(main())


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=_LAST_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _only_name(host: str) -> str | None:
    """The host, if only this machine can reach it there."""
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return host if is_local else None
