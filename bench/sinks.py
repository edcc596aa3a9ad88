"""The bulk sink, a Go program that accepts bulk requests, counts them and answers each item."""

import signal
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.golang import go_program
from tests.real.processes import dies_with_us

PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Received:
    """What a sink received; `wire_bytes` with headers, before decompression."""

    events: int
    batches: int
    wire_bytes: int


class BulkSink:
    """Starts on entry, ends on exit."""

    def __enter__(self) -> Self:
        program = go_program(PEERS / "bulk")
        self._process = subprocess.Popen(
            [*dies_with_us(), program], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().split()[1]
        self.url = f"http://{self.address}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()

    def events(self) -> int:
        """How many events have come so far."""
        with urllib.request.urlopen(f"{self.url}/sink/events", timeout=10) as answer:
            return int(answer.read())

    def stop(self) -> Received:
        """End it and return what it received."""
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=10)
        return Received(*map(int, said.split()[1::2]))
