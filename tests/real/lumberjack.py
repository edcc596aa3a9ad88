"""A real Lumberjack v2 server: Elastic's go-lumber, in a small program that writes all down."""

import os
import signal
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.golang import go_program
from tests.real.processes import dies_with_us

SOURCE = Path(__file__).parent / "lumberjack"
STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the server; `client_ca` makes it ask for a client certificate."""

    cert: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What the server received since it was last started; `wire_bytes` as they were on the wire."""

    events: int
    batches: int
    payload_bytes: int
    wire_bytes: int


class LumberjackSink:
    """Starts on entry, is gone on exit.

    An event that was acknowledged is in `events()`. `restart` after `kill` or `stop` takes the
    same port and goes on with the same events. With `keep=False` events are only counted.
    """

    def __init__(
        self, *, keep: bool = True, tls: Tls | None = None, ack_delay_s: float = 0
    ) -> None:
        self.address = "127.0.0.1:0"
        self._program = go_program(SOURCE)
        self._options = ["-ack-delay", f"{ack_delay_s}s", *_tls_options(tls)]
        self._keep = keep
        self._cleanup = ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(prefix="mcp-shipper-lumberjack-")
        self._out = Path(self._cleanup.enter_context(folder)) / "events.ndjson"
        self._out.touch()
        if self._keep:
            self._options += ["-out", str(self._out)]
        self.restart()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._cleanup.close()

    def events(self) -> list[bytes]:
        """Every event so far, as it was received, in that order."""
        return self._out.read_bytes().split(b"\n")[:-1]

    def restart(self) -> None:
        """Starts the server again on its port."""
        _cut_half_a_line(self._out)
        self._process = subprocess.Popen(
            [*dies_with_us(), self._program, "-listen", self.address, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said.startswith("listening "):
            raise RuntimeError(f"the Lumberjack server does not start at {self.address}: {said!r}")
        self.address = said.split()[1]

    def stop(self) -> Totals:
        """Ends the server between two batches."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=STOP_TIMEOUT_S)
        self._process = None
        return Totals(*map(int, said.split()[1::2]))

    def kill(self) -> None:
        """Ends the server in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=STOP_TIMEOUT_S)
            self._process = None


def _tls_options(tls: Tls | None) -> list[str]:
    if tls is None:
        return []
    asks = ["-client-ca", str(tls.client_ca)] if tls.client_ca else []
    return ["-tls-cert", str(tls.cert), "-tls-key", str(tls.key), *asks]


def _cut_half_a_line(path: Path) -> None:
    """A killed server may have written part of a batch, which it then never acknowledged."""
    os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
