"""A real server: a process with a folder for its data and its log."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.processes import dies_with_us, wait_until

_STOP_TIMEOUT_S = 20
_LOG_TAIL_CHARS = 4000


class Server:
    """Starts on entry; on exit it is gone, with its data.

    In between it can be killed and started again: same port, same data.
    """

    name: str
    start_timeout_s: float = 30

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"mcp-shipper-{self.name}-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._prepare()
            return self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> Self:
        """Return when the server is ready; an error that it is not carries the end of its log."""
        with (self._folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                [*dies_with_us(), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_up, self.start_timeout_s, f"{self.name} is up")
        except BaseException as error:
            error.add_note(f"The end of its log:\n{self.log[-_LOG_TAIL_CHARS:]}")
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """End the server in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    @property
    def log(self) -> str:
        """What the server has printed since it was last started."""
        return (self._folder / "out.log").read_text(encoding="utf-8", errors="replace")

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended while starting")
        return self._is_ready()

    def _prepare(self) -> None:
        """Lay out the folder before the first start."""

    def _command(self) -> Sequence[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def _is_ready(self) -> bool:
        raise NotImplementedError
