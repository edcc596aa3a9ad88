"""Redis: a batch is one command or one transaction, so that it arrives whole or not at all.

When the connection breaks before the answer, nobody can tell which of the two; the batch is sent
again, and may then be there twice. An answer means that Redis has the lines in memory: whether
they survive its crash is for its own settings to say (`appendonly`, `appendfsync`).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from socket import socket
from typing import Any

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from shipper.errors import ConfigError, DeliveryError, Problem, Refused, TooLarge, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import BATCH_BYTES, DELIVERED, Outcome
from shipper.outputs.connection import Disconnected, Stream
from shipper.outputs.hosts import some_hosts, split_host
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.redis.config import RedisConfig
from shipper.outputs.tls import TlsConfig

DEFAULT_PORT = 6379

#: What its errors mean for a batch, and what to do.
_MEANINGS: Sequence[tuple[type[exceptions.RedisError], type[DeliveryError], str]] = (
    (exceptions.AuthenticationError, Refused, "check username and password"),
    (exceptions.AuthorizationError, Refused, "check username and password"),
    (exceptions.NoPermissionError, Refused, "allow this user to write to the key"),
    (exceptions.OutOfMemoryError, Unavailable, "its readers are behind, or maxmemory is small"),
    (exceptions.ReadOnlyError, Unavailable, "hosts must name the primary"),
    (exceptions.ConnectionError, Unavailable, ""),
    (exceptions.TimeoutError, Unavailable, ""),
)

#: Other errors that pass by themselves; each is the first word of a text.
_PASSING = ("BUSY", "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN")


class Redis:
    """Batches to one host, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: RedisConfig) -> None:
        if any("/" in host or "@" in host for host in config.hosts):  # a URL may hold a password
            what = (
                "each is host or host:port; db, username, password and ssl have keys of their own"
            )
            raise ConfigError([Problem("hosts", what)])
        hosts = [split_host(host, DEFAULT_PORT) for host in some_hosts(config.hosts)]
        lanes = [RedisLane(config, group) for group in groups(hosts, config)]
        self._lanes = Lanes(lanes, config.backoff)
        self._config = config

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Append `lines` to the list or stream; on one connection in order."""
        work = Work(lines.ends, self._config.bulk_max_size, BATCH_BYTES)
        return self._lanes.deliver(work, list(lines))

    def probe(self) -> str:
        """Log in to each host that would be used, and ask for the version."""
        hosts = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(hosts)

    def close(self) -> None:
        """Let go of the connections."""
        self._lanes.close()


class RedisLane:
    """A connection to one of some hosts, the same until it fails; one batch at a time."""

    def __init__(self, config: RedisConfig, hosts: Sequence[tuple[str, int]]) -> None:
        self._config, self._hosts = config, deque(hosts)
        self._connection: _Connection | None = None

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        """See that there is a connection that will do; each host is tried once."""
        for attempts_left in reversed(range(len(self._hosts))):
            try:
                with self._mapped_errors():
                    self._connected()
            except Unavailable:
                if not attempts_left:
                    raise
            else:
                return

    def run(self, work: Work, job: Sequence[bytes]) -> None:
        """Append one batch after the other, each all at once."""
        while part := work.take(self._config.bulk_max_size, BATCH_BYTES):
            with self._mapped_errors():
                self._append(self._connected(), job[part])
            work.settle(part, [DELIVERED] * (part.stop - part.start))

    def probe(self) -> str:
        """Log in, have a PING answered, and ask for the version."""
        with self._mapped_errors():
            connection = self._connected()
            try:
                info = connection.ask(_command(b"INFO", b"server")).decode()
            except exceptions.NoPermissionError:  # as it should be for one who may only write
                info = ""
        version = next((row for row in info.splitlines() if row.startswith("redis_version:")), "")
        return f"{self._peer} answers; Redis {version.partition(':')[2] or 'keeps its version'}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None

    @property
    def _peer(self) -> str:
        host, port = self._hosts[0]
        return f"{host}:{port}"

    def _append(self, connection: "_Connection", lines: Sequence[bytes]) -> None:
        if self._config.datatype == "list":
            connection.ask(_command(b"RPUSH", self._config.key.encode(), *lines))
        else:
            _add(connection, self._config, lines)

    def _connected(self) -> "_Connection":
        if self._connection is not None and not self._connection.is_usable():
            self.close()
        if self._connection is None:
            self._connection = _connection(self._config, *self._hosts[0])
            self._connection.connect()
            self._connection.ask(_command(b"PING"))  # a stranger's batch it would cut off unread
        return self._connection

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """Turn errors into ours; after any the connection is closed, and the next host's turn."""
        try:
            yield
        except (exceptions.RedisError, DeliveryError) as error:
            failure = error if isinstance(error, DeliveryError) else self._failure(error)
            self.close()
            self._hosts.rotate(-1)
            raise failure from error

    def _failure(self, error: exceptions.RedisError) -> DeliveryError:
        said = f"Redis at {self._peer}: {str(error).rstrip('.')}"
        for kind, meaning, advice in _MEANINGS:
            if isinstance(error, kind):
                return meaning(f"{said}; {advice}" if advice else said)
        if "invalid bulk length" in said:
            return TooLarge(f"{said} (proto-max-bulk-len)")
        if str(error).startswith(_PASSING):
            return Unavailable(said)
        return Refused(f"{said}; check key, datatype and db, and Redis itself")


class _Connection(redis.Connection):
    """A connection on a socket that is opened, and protected, as those of every output."""

    def __init__(self, *, tls: TlsConfig | None, timeout_s: float, **settings: Any) -> None:
        super().__init__(socket_timeout=timeout_s, **settings)
        self._tls, self._timeout_s = tls, timeout_s
        self.stream: Stream

    def _connect(self) -> socket:
        self.stream = Stream.connect(self.host, self.port, timeout_s=self._timeout_s, tls=self._tls)
        return self.stream.socket

    def ask(self, *commands: bytes) -> Any:
        """Send all commands at once; the answer to the last. An error in any answer is raised."""
        try:
            self.stream.send(b"".join(commands))
        except Disconnected:
            for _ in commands:  # it may have said why, before it hung up
                self.read_response()
            raise
        for _ in commands[1:]:
            self.read_response()
        return self.read_response()

    def is_usable(self) -> bool:
        """Whether the peer has neither hung up nor spoken unasked."""
        try:
            return not self.can_read(0)
        except exceptions.RedisError:
            return False


def _connection(config: RedisConfig, host: str, port: int) -> _Connection:
    return _Connection(
        host=host,
        port=port,
        db=config.db,
        username=config.username,
        password=config.password.reveal() if config.password else None,
        timeout_s=config.timeout_s,
        retry=Retry(NoBackoff(), 0),  # whether and when to try again is the pipeline's to say
        protocol=2,  # which every version speaks
        tls=config.ssl,
    )


def _add(connection: _Connection, config: RedisConfig, lines: Sequence[bytes]) -> None:
    limit = [b"MAXLEN", b"~", b"%d" % config.max_length] if config.max_length else []
    head = (b"XADD", config.key.encode(), *limit, b"*", b"message")
    entries = [_command(*head, line) for line in lines]
    replies = connection.ask(_command(b"MULTI"), *entries, _command(b"EXEC"))
    for reply in replies:
        if isinstance(reply, exceptions.RedisError):
            raise reply


def _command(*words: bytes) -> bytes:
    """A command as Redis reads it."""
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"*%d\r\n%b" % (len(parts), b"".join(parts))
