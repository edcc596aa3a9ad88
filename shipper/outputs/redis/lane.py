"""One connection to Redis: login, batches, and the meaning of its errors."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from shipper.errors import DeliveryError, ProtocolError, Refused, TooLarge, Unavailable
from shipper.outputs.base import DELIVERED
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.connection import Connection, Disconnected
from shipper.outputs.hosted import HostedLane
from shipper.outputs.lanes import Work
from shipper.outputs.redis.config import RedisConfig
from shipper.wire.resp import ErrorReply, Receiver, Reply, command, commands

_LOGIN = "check username and password"

#: How an error starts, its meaning for a batch, and what to do; the first row that fits counts.
_MEANINGS: Sequence[tuple[str, type[DeliveryError], str]] = (
    ("NOAUTH", Refused, _LOGIN),
    ("WRONGPASS", Refused, _LOGIN),
    ("ERR AUTH", Refused, _LOGIN),
    # Redis before 6.
    ("ERR Client sent AUTH", Refused, _LOGIN),
    ("ERR invalid password", Refused, _LOGIN),
    ("ERR wrong number of arguments for 'auth'", Refused, f"{_LOGIN}; it may know no user names"),
    ("NOPERM", Refused, "allow this user to write to the key"),
    ("OOM", Unavailable, "its readers are behind, or maxmemory is small"),
    ("READONLY", Unavailable, "hosts must name the primary"),
    ("ERR Protocol error: invalid bulk length", TooLarge, "its proto-max-bulk-len is smaller"),
    # These pass by themselves.
    ("BUSY", Unavailable, ""),
    ("CLUSTERDOWN", Unavailable, ""),
    ("ERR max number of clients reached", Unavailable, ""),
    ("LOADING", Unavailable, ""),
    ("MASTERDOWN", Unavailable, ""),
    ("NOREPLICAS", Unavailable, ""),
    ("TRYAGAIN", Unavailable, ""),
    ("", Refused, "check key, datatype and db, and Redis itself"),
)


#: A key, and a line that goes there.
_Keyed = tuple[str, bytes]


class RedisLane(HostedLane):
    """A connection to one of several hosts; one batch at a time."""

    def __init__(self, config: RedisConfig, hosts: Sequence[tuple[str, int]]) -> None:
        super().__init__(hosts)
        self._config, self._receiver = config, Receiver()

    def run(self, work: Work, job: Sequence[_Keyed]) -> None:
        """Append one batch after the other, each in one step."""
        while part := work.take(self._config.bulk_max_size, BATCH_BYTES):
            with self._closed_by_errors():
                self._opened()
                self._do(*_appending(self._config, job[part]))
            work.record(part, [DELIVERED] * (part.stop - part.start))

    def probe(self) -> str:
        """Log in, have a PING answered, and ask for the version."""
        with self._closed_by_errors():
            self._opened()
            peer = self._peer
            (reply,) = self._ask(command(b"INFO", b"server"))
            # A user who may only write gets NOPERM, as expected.
            if isinstance(reply, ErrorReply) and not reply.text.startswith("NOPERM"):
                raise self._failure(reply)
        return f"{peer} answers; Redis {_version(reply) or 'keeps its version'}"

    def _open(self, host: str, port: int) -> None:
        config = self._config
        self._connection = Connection.connect(
            host, port, timeout_s=config.timeout_s, tls=config.ssl, proxy=config.proxy
        )
        self._receiver = Receiver()
        self._do(*_greeting(config))

    def _is_usable(self, connection: Connection) -> bool:
        """Whether the server is still there, and has sent nothing without being asked."""
        try:
            return not connection.receive_waiting()
        except DeliveryError:
            return False

    def _do(self, *commands: bytes) -> None:
        """Send all commands at once; raises the first error among their replies."""
        if error := _error_in(self._ask(*commands)):
            raise self._failure(error)

    def _ask(self, *commands: bytes) -> list[Reply]:
        """Send all commands at once; their replies in order, or the first ones with an error."""
        assert self._connection is not None, "_opened comes first"
        connection, receiver = self._connection, self._receiver
        try:
            connection.send(b"".join(commands))
        except Disconnected:
            # The server may have given its reason before it hung up.
            if replies := receiver.receive(connection.receive_waiting()):
                return replies
            raise
        replies = []
        while len(replies) < len(commands):
            more = receiver.receive(connection.receive(self._config.timeout_s))
            replies += more
            if _error_in(more):
                break
        if len(replies) > len(commands):
            raise ProtocolError(f"{self._peer} replies more often than it is asked")
        return replies

    def _failure(self, error: ErrorReply) -> DeliveryError:
        rows = (row for row in _MEANINGS if error.text.startswith(row[0]))
        _, meaning, advice = next(rows)
        found = f"Redis at {self._peer}: {error.text.rstrip('.')}"
        return meaning(f"{found}; {advice}" if advice else found)


def _greeting(config: RedisConfig) -> Iterator[bytes]:
    if config.username or config.password:
        password = config.password.reveal() if config.password else ""
        words = (config.username, password) if config.username else (password,)
        yield command(b"AUTH", *(word.encode() for word in words))
    if config.db:
        yield command(b"SELECT", b"%d" % config.db)
    # Proves the login before a batch: Redis drops a large batch from an unauthenticated client.
    yield command(b"PING")


def _appending(config: RedisConfig, keyed: Sequence[_Keyed]) -> Sequence[bytes]:
    groups = [(key, [line for _, line in some]) for key, some in groupby(keyed, itemgetter(0))]
    if config.datatype == "list":
        pushes = [command(b"RPUSH", key.encode(), *lines) for key, lines in groups]
        return pushes if len(pushes) == 1 else [command(b"MULTI"), *pushes, command(b"EXEC")]
    limit = [b"MAXLEN", b"~", b"%d" % config.max_length] if config.max_length else []
    entries = [
        entry
        for key, lines in groups
        for entry in commands(b"XADD", key.encode(), *limit, b"*", b"message", last=lines)
    ]
    return [command(b"MULTI"), *entries, command(b"EXEC")]


def _error_in(replies: Iterable[Reply]) -> ErrorReply | None:
    """The first error, also within arrays: a transaction replies with one."""
    for reply in replies:
        if isinstance(reply, ErrorReply):
            return reply
        if isinstance(reply, list) and (error := _error_in(reply)):
            return error
    return None


def _version(info: Reply) -> str:
    text = info.decode("utf-8", "replace") if isinstance(info, bytes) else ""
    rows = (row.partition(":") for row in text.splitlines())
    return next((value for name, _, value in rows if name == "redis_version"), "")
