"""A real Redis server, its data in a temp folder, each write on the disk before its answer."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.real import Missing
from tests.real.processes import free_ports
from tests.real.server import Server


class RedisServer(Server):
    """`settings` are those of redis.conf, with `_` for `-`. With `tls` the port speaks only that.

    It is up again when it has read what it had written down.
    """

    name = "redis"

    def __init__(self, *, tls: bool = False, **settings: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Missing("redis-server is not here; install it (redis-server)")
        self._program = program
        (self.port,) = free_ports(1)
        super().__init__()
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

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

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

    def _command(self) -> Sequence[str]:
        named = ((f"--{name}", value) for name, value in self._settings.items())
        return [self._program, *chain.from_iterable(named)]

    def _is_ready(self) -> bool:
        with suppress(RedisError), self.client() as client:
            return bool(client.ping())
        return False
