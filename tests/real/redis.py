"""A real Redis server, its data in a temp folder, each write on the disk before its answer."""

import shutil
import subprocess
import tempfile
from contextlib import suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.real import Missing
from tests.real.processes import dies_with_us, free_ports, wait_until

START_TIMEOUT_S = 30  # some milliseconds on an idle machine
STOP_TIMEOUT_S = 10


class RedisServer:
    """Starts on entry; on exit it is gone, with its data.

    In between it can be killed and started again: same port, same data. `settings` are those of
    redis.conf, with `_` for `-`. With `tls` the port speaks nothing else.
    """

    def __init__(self, *, tls: bool = False, **settings: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Missing("redis-server is not here; install it (redis-server)")
        self._program = program
        (self.port,) = free_ports(1)
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-redis-"))
        self._settings = {
            "bind": "127.0.0.1",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "port": "0" if tls else str(self.port),
            "tls-port": str(self.port) if tls else "0",
            **{name.replace("_", "-"): value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
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
        """Returns when the server answers and has read what it had written down."""
        named = ((f"--{name}", value) for name, value in self._settings.items())
        with (self._folder / "out.log").open("wb") as out:
            self._process = subprocess.Popen(
                [*dies_with_us(), self._program, *chain.from_iterable(named)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._answers, START_TIMEOUT_S, "Redis is up")
        except BaseException as error:
            error.add_note((self._folder / "out.log").read_text(errors="replace"))
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """Ends the server in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)
            self._process = None

    def client(self) -> Redis:
        """A client for the test to look at what is there; the caller closes it."""
        return Redis(
            host="127.0.0.1",
            port=self.port,
            password=self._settings.get("requirepass"),
            retry=Retry(NoBackoff(), 0),
            ssl=self._settings["port"] == "0",
            ssl_ca_certs=self._settings.get("tls-ca-cert-file"),
        )

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError("Redis ended while starting")
        with suppress(RedisError), self.client() as client:
            return bool(client.ping())
        return False
