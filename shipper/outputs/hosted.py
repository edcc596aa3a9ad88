"""A lane that has a connection to one of several hosts, the same until it fails."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shipper.errors import DeliveryError, ProtocolError, Unavailable
from shipper.outputs.connection import Connection


class HostedLane:
    """What lanes of this kind share; `_open` makes a connection ready for use."""

    def __init__(self, hosts: Sequence[tuple[str, int]]) -> None:
        self._hosts = deque(hosts)
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

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _peer(self) -> str:
        host, port = self._hosts[0]
        return f"{host}:{port}"

    def _opened(self) -> Connection:
        """A connection that the server has not closed, as far as it is known."""
        if self._connection is not None and not self._is_usable(self._connection):
            self.close()
        if self._connection is None:
            self._open(*self._hosts[0])
        assert self._connection is not None, "_open sets it"
        return self._connection

    def _open(self, host: str, port: int) -> None:
        """Set `_connection` to a new connection that is ready for use."""
        raise NotImplementedError

    def _is_usable(self, connection: Connection) -> bool:
        try:
            connection.receive_waiting()
        except DeliveryError:
            return False
        return True

    @contextmanager
    def _closed_by_errors(self) -> Iterator[None]:
        """After any error the connection is closed, and it is the next host's turn."""
        try:
            yield
        except (DeliveryError, ProtocolError):
            self.close()
            self._hosts.rotate(-1)
            raise
