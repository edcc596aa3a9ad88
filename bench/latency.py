"""Latency: from the start of the command, and from a line written, to its acknowledgement."""

import os
import random
import socket
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Self

from bench.processes import shipper
from bench.report import Column, Report, Row
from shipper.wire.lumberjack import Receiver, ack

_TIMEOUT_S = 30.0
#: Pause between lines: longer than a line takes, and never the same.
_GAP_S = (0.02, 0.06)


class Acknowledger:
    """A Lumberjack server that acknowledges immediately and records when it did."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.acknowledged: Queue[tuple[float, bytes]] = Queue()
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def wait_for(self, part: bytes) -> float:
        """When the line that contains the text was acknowledged."""
        while True:
            at, line = self.acknowledged.get(timeout=_TIMEOUT_S)
            if part in line:
                return at

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        receiver = Receiver()
        with connection:
            while data := connection.recv(1 << 20):
                for window in receiver.receive(data):
                    connection.sendall(ack(len(window)))
                    at = time.monotonic()
                    for line in window:
                        self.acknowledged.put((at, line))


def starts(folder: Path, count: int) -> Report:
    """From the start of the process to the acknowledgement of a line that already exists."""
    took_ms = []
    for number in range(count):
        here = folder / f"start-{number}"
        here.mkdir(parents=True)
        file = here / "events.ndjson"
        file.write_bytes(b'{"event":{"id":"the-first"}}\n')
        with Acknowledger() as server:
            command = shipper(here, file, {"logstash": {"hosts": [server.address]}})
            started = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            took_ms.append((server.wait_for(b"the-first") - started) * 1000)
            _end(process)
    return _report("start", "From start to first acknowledged event", took_ms)


def idle(folder: Path, count: int) -> Report:
    """From a line written to its acknowledgement, while nothing else happens."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "events.ndjson"
    took_ms = []
    pick = random.Random(5)
    with Acknowledger() as server, file.open("ab", buffering=0) as log:
        process = subprocess.Popen(
            shipper(folder, file, {"logstash": {"hosts": [server.address]}}),
            stdin=subprocess.DEVNULL,
        )
        log.write(b'{"event":{"id":"warm-up"}}\n')
        server.wait_for(b"warm-up")
        for number in range(count):
            time.sleep(pick.uniform(*_GAP_S))
            written = time.monotonic()
            log.write(b'{"event":{"id":"line-%d"}}\n' % number)
            took_ms.append((server.wait_for(b'"line-%d"' % number) - written) * 1000)
        _end(process)
    return _report("idle", "From line written to acknowledged, idle", took_ms)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(_TIMEOUT_S)


def _report(name: str, title: str, took_ms: Sequence[float]) -> Report:
    cuts = statistics.quantiles(took_ms, n=100, method="inclusive")
    values = {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "highest": max(took_ms)}
    columns = [Column(heading, "{:,.1f} ms") for heading in values]
    row = Row(f"{len(took_ms)} times on {os.cpu_count()} cores", values)
    return Report(name, title, columns, [row], [round(one, 3) for one in took_ms])
