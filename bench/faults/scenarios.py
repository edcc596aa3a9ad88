"""Scenarios while a file is written and shipped: server faults, rotations, kills."""

import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A file is written in this number of portions, with a pause after each.
PORTIONS = 10
_PAUSE_S = 0.3


class Run:
    """A file being written, and the process that ships it."""

    def __init__(self, folder: Path, command: Sequence[str], lines: Sequence[bytes]) -> None:
        self.folder, self._command = folder, command
        self.path = folder / "audit.log"
        size = len(lines) // PORTIONS
        self.portions = [b"".join(lines[n * size : (n + 1) * size]) for n in range(PORTIONS)]
        self._rotations = 0

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def write(self, portion: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(portion)
        time.sleep(_PAUSE_S)

    def write_all(self, between: Callable[[], None] = lambda: None, every: int = 2) -> None:
        for number, portion in enumerate(self.portions, 1):
            self.write(portion)
            if number % every == 0:
                between()

    def rename(self) -> None:
        """Rotate as logrotate does by default."""
        self._rotations += 1
        self.path.rename(self.folder / f"audit.log.{self._rotations}")

    def copytruncate(self) -> None:
        """Rotate as logrotate's copytruncate does."""
        self._rotations += 1
        shutil.copyfile(self.path, self.folder / f"audit.log.{self._rotations}")
        with self.path.open("r+b") as file:
            file.truncate(0)

    def kill(self) -> None:
        """Kill the shipper and start it again, as after a crash."""
        self._process.kill()
        self._process.wait()
        self.start()

    def restart(self) -> None:
        """Stop the shipper properly and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _rotate_while_away(run: Run) -> None:
    """Rotate several times and kill once, with most lines unsent."""
    run.write_all(run.rename)
    run.kill()


@dataclass(frozen=True)
class Scenario:
    """A script for the server, and what happens to the file and the process meanwhile."""

    name: str
    script: str
    act: Callable[[Run], None] = Run.write_all
    poison: str = ""
    max_body_bytes: int = 100 << 20


def _killed(run: Run) -> None:
    run.write_all(run.kill)


def _restarted(run: Run) -> None:
    run.write_all(run.restart)


def _renamed(run: Run) -> None:
    run.write_all(run.rename)


def _copytruncated(run: Run) -> None:
    run.write_all(run.copytruncate)


def _killed_and_renamed(run: Run) -> None:
    def both() -> None:
        run.rename()
        run.kill()

    run.write_all(both)


_SLOW = "silence 200ms; loop"
_AWAY = "6x 503"

SCENARIOS = (
    Scenario("no fault", "ok"),
    Scenario("connection refused, 3 times", "ok; 3x refuse"),
    Scenario("reset within the request, 3 times", "ok; 3x reset at 1000"),
    Scenario("closed before the answer, 3 times", "ok; 3x close"),
    Scenario("taken, but the answer is lost, 3 times", "ok; 3x lose"),
    Scenario("answer cut short, 3 times", "ok; 3x cut 20"),
    Scenario("accepts, never answers (half-open)", "ok; half-open"),
    Scenario("answers after 3 s, twice", "ok; 2x silence 3s"),
    Scenario("reads 50 kB/s, 5 requests", "ok; 5x slow 50k"),
    Scenario("429 for the request, 3 times", "ok; 3x 429"),
    Scenario("503 for the request, 3 times", "ok; 3x 503"),
    Scenario("429 for a third of the lines, 3 times", "ok; 3x items 429 33%"),
    Scenario("503 for a third of the lines, 3 times", "ok; 3x items 503 33%"),
    Scenario("disk full (429 cluster block), 3 times", "ok; 3x full"),
    Scenario("index read-only (403 cluster block), 3 times", "ok; 3x readonly"),
    Scenario("errors said, no items, 3 times", "ok; 3x empty"),
    Scenario("50 lines refused for good (400)", "ok", poison=r"-00000000\d\d77\D"),
    Scenario("bodies over 100 kB refused (413)", "ok", max_body_bytes=100_000),
    Scenario("rotated by rename, 5 times", _SLOW, _renamed),
    Scenario("rotated by copytruncate, 5 times", _SLOW, _copytruncated),
    Scenario("restarted, 5 times", _SLOW, _restarted),
    Scenario("killed (-9), 5 times", _SLOW, _killed),
    Scenario("killed and rotated together, 5 times", _SLOW, _killed_and_renamed),
    Scenario("rotated while 503, then killed", _AWAY, _rotate_while_away),
)
