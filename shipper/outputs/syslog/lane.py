"""One connection to a syslog receiver."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shipper.errors import DeliveryError, Unavailable
from shipper.formats.syslog import framed
from shipper.outputs.base import DELIVERED, Outcome, Rejected
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.connection import Connection
from shipper.outputs.lanes import Work
from shipper.outputs.syslog.config import SyslogConfig


class SyslogLane:
    """A connection to one of several hosts, the same until it fails."""

    def __init__(self, config: SyslogConfig, hosts: Sequence[tuple[str, int]]) -> None:
        self._config, self._hosts = config, deque(hosts)
        self._connection: Connection | None = None

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        """Open a connection, if there is no usable one; each host is tried once."""
        for attempts_left in reversed(range(len(self._hosts))):
            try:
                with self._closed_by_errors():
                    self._opened()
            except Unavailable:
                if not attempts_left:
                    raise
            else:
                return

    def run(self, work: Work, job: Sequence[bytes]) -> None:
        """Write one part after the other; messages that are too long are rejected."""
        while part := work.take(self._config.bulk_max_size, BATCH_BYTES):
            messages = job[part]
            outcomes = [self._outcome(message) for message in messages]
            fit = zip(messages, outcomes, strict=True)
            with self._closed_by_errors():
                self._opened().send(b"".join(framed(m) for m, o in fit if o is DELIVERED))
            work.record(part, outcomes)

    def probe(self) -> str:
        """Connect; a receiver answers nothing."""
        with self._closed_by_errors():
            connection = self._opened()
        return f"{connection.peer} accepts connections ({connection.security})"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> Connection:
        """A connection that the receiver has not closed, as far as it is known."""
        if self._connection is not None and not _is_usable(self._connection):
            self.close()
        if self._connection is None:
            (host, port), config = self._hosts[0], self._config
            self._connection = Connection.connect(
                host, port, timeout_s=config.timeout_s, tls=config.ssl
            )
        return self._connection

    def _outcome(self, message: bytes) -> Outcome:
        limit = self._config.max_message_bytes
        if len(message) <= limit:
            return DELIVERED
        return Rejected(f"too large: {len(message)} bytes, max_message_bytes is {limit}")

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        """After any error the connection is closed, and it is the next host's turn."""
        try:
            yield
        except DeliveryError:
            self.close()
            self._hosts.rotate(-1)
            raise


def _is_usable(connection: Connection) -> bool:
    try:
        connection.receive_waiting()
    except DeliveryError:
        return False
    return True
