"""One Lumberjack connection: windows in flight, acknowledgements, and when to reconnect."""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shipper.errors import Closed, DeliveryError, ProtocolError, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import DELIVERED, Rejected
from shipper.outputs.config import BATCH_BYTES
from shipper.outputs.connection import Connection, Disconnected, TimedOut
from shipper.outputs.deflate import zlib_deflate
from shipper.outputs.lanes import Size, Work
from shipper.outputs.logstash.suspect import suspicion
from shipper.wire.lumberjack import Payloads, Sender

if TYPE_CHECKING:
    from shipper.outputs.logstash.config import LogstashConfig

#: Logstash resets a connection that is idle for 60 s, load balancers earlier. A new one is cheaper
#: than a window that is lost to the reset and sent twice.
_IDLE_S = 15.0

#: Logstash holds a window twice in direct memory; big windows times many clients exhaust it. A
#: window is a little larger than its part of a batch, or each batch would end in a tiny one.
WINDOW_BYTES: Final = BATCH_BYTES + (64 << 10)

#: How long to wait for the answer to an empty window, which some servers never give.
_PROBE_S: Final = 6.0

#: Part of the timeout after which a silent server is asked whether it is alive.
_NUDGE_AFTER = 1 / 3

#: A blocked Logstash keeps every window in memory; each new connection adds one.
_MAX_STALL_S = 3600.0

_QUOTE = ord(b'"')


class Framing:
    """The lines of one `send` as payloads, each with the metadata as its last member.

    Of a member that comes twice a server takes the last: a line cannot replace the metadata.
    """

    __slots__ = ("_payloads", "_suffix")

    def __init__(self, lines: Lines, metadata: bytes) -> None:
        """`metadata`: a member, without the closing brace of its value."""
        # A line starts with {" unless the object is empty or starts with white space.
        self._payloads: Payloads
        if lines.is_usual or lines.bytes_at(1) == {_QUOTE}:
            metadata, self._payloads = b"," + metadata, lines.views(past=-1)
        else:
            self._payloads = list(map(_opened, lines))
        own = metadata + b"}}"  # an event has its own id, which is in the line
        self._suffix: bytes | Sequence[bytes] = (
            lines.ids(metadata + b',"_id":"', b'"}}', own=own) or own
        )

    def window(self, sender: Sender, part: slice) -> bytes:
        """The window of these lines."""
        suffix = self._suffix
        of_part = suffix if isinstance(suffix, bytes) else suffix[part]
        return sender.window(self._payloads[part], suffix=of_part)

    def suspicion(self, index: int) -> str | None:
        """A reason in that line for Logstash to close the connection, if one is known."""
        return suspicion(bytes(self._payloads[index]) + b"}")


def _opened(line: bytes) -> bytes:
    """The object without its closing brace, ready for another member."""
    members = line[:-1].rstrip()
    return members if members == b"{" else members + b","


class LogstashLane:
    """A connection to one of several hosts, the same until it fails; windows go out in order."""

    def __init__(self, config: "LogstashConfig", hosts: Sequence[tuple[str, int]]) -> None:
        self._config, self._hosts, self._proxy = config, deque(hosts), config.proxy
        self._depth = max(config.pipelining, 1)
        self._deflate = zlib_deflate(config.compression_level)
        self._size = Size(config.bulk_max_size, is_slow=config.slow_start)
        self._stall_s = config.stall_timeout_s
        self._connection: tuple[Connection, Sender] | None = None
        self._connected_at = self._used_at = 0.0

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        """Open a connection, if there is no usable one; each host is tried once."""
        if self._connection is not None and not self._is_usable(*self._connection):
            self.close()
        for attempts_left in reversed(range(len(self._hosts))):
            if self._connection is None:
                try:
                    self._open()
                except DeliveryError:
                    self._next_host()
                    if not attempts_left:
                        raise

    def run(self, work: Work, job: Framing) -> None:
        """Keep windows in flight until all lines are taken and acknowledged."""
        flying: deque[slice] = deque()
        try:
            while self._send(work, job, flying):
                self._receive()
                self._acknowledge(work, flying)
        except (DeliveryError, ProtocolError) as error:
            self._acknowledge(work, flying)
            self._fail(work, job, flying, error)

    def probe(self) -> str:
        """Connect and send an empty window, which Logstash answers and older servers ignore."""
        self.connect()
        assert self._connection is not None
        connection = self._connection[0]
        where = f"{connection.peer} ({connection.security})"
        try:
            self._prove()
        except TimedOut:
            answer = (
                f"connected; no answer to an empty window within {_PROBE_S:.0f} s: Elastic Agent, "
                "Vector and old Logstashes never answer it, nor do servers of other protocols"
            )
        else:
            answer = "connected, and it acknowledged an empty window"
        finally:
            self.close()
        return f"{where}: {answer}"

    def close(self) -> None:
        if self._connection is not None:
            self._connection[0].close()
            self._connection = None

    def _send(self, work: Work, job: Framing, flying: deque[slice]) -> bool:
        """Send windows while more may be in flight; returns whether any are in flight."""
        if not flying and self._is_over() and not work.is_taken:
            self.close()
            self.connect()  # which resolves the name again
        while len(flying) < self._depth and not self._is_over():
            part = work.take(self._size.lines, WINDOW_BYTES)
            if part is None:
                break
            connection, sender = self._connected()
            flying.append(part)
            connection.send(job.window(sender, part))
            self._used_at = time.monotonic()
        return bool(flying)

    def _receive(self) -> None:
        """Wait for an acknowledgement, or a sign that the server is alive.

        Logstash gives no signs for a window that it read before it had finished the last one;
        anything that it reads makes it start again, and an empty window has no other effect.
        """
        connection, sender = self._connected()
        try:
            data = connection.receive(self._config.timeout_s * _NUDGE_AFTER)
        except TimedOut:
            connection.send(sender.window(()))
            data = connection.receive(self._config.timeout_s * (1 - _NUDGE_AFTER))
        before = sender.in_flight, sender.acked
        sender.receive(data)
        if before != (sender.in_flight, sender.acked):
            self._used_at = time.monotonic()
            self._stall_s = self._config.stall_timeout_s
        elif time.monotonic() - self._used_at > self._stall_s:
            found = f"{connection.peer} is alive, but has taken no line for {self._stall_s:g} s"
            self._stall_s = min(self._stall_s * 2, _MAX_STALL_S)
            raise Unavailable(f"{found}; reconnecting")

    def _acknowledge(self, work: Work, flying: deque[slice]) -> None:
        """Record the windows that the server has acknowledged; the oldest first."""
        in_flight = self._connection[1].in_flight if self._connection else len(flying)
        while len(flying) > in_flight:
            part = flying.popleft()
            work.record(part, [DELIVERED] * (part.stop - part.start))
            if self._config.slow_start:
                self._size.grow()

    def _fail(
        self, work: Work, job: Framing, flying: deque[slice], error: DeliveryError | ProtocolError
    ) -> None:
        """Record a window's partial acknowledgement, and raise the meaning of the failure."""
        acked = self._connection[1].acked if self._connection else 0
        if acked:
            start = flying[0].start
            work.record(slice(start, start + acked), [DELIVERED] * acked)
        if self._config.slow_start:
            self._size.shrink()
        self.close()
        answers = isinstance(error, Disconnected) and not acked and self._answers()
        self._next_host()
        if acked or not flying or not isinstance(error, Disconnected):
            raise error
        for part in flying if answers else ():
            _reject_suspects(work, job, part)
        raise Closed(str(error), answers=answers)

    def _answers(self) -> bool:
        """Whether the same host acknowledges an empty window now, on a new connection."""
        try:
            self._open()
            self._prove()
        except (DeliveryError, ProtocolError):
            return False
        finally:
            self.close()
        return True

    def _prove(self) -> None:
        connection, sender = self._connected()
        connection.send(sender.window(()))
        sender.receive(connection.receive(_PROBE_S))

    def _is_over(self) -> bool:
        """Whether the connection has reached its age limit and has sent at least one window."""
        ttl_s, has_served = self._config.ttl_s, self._used_at > self._connected_at
        return bool(ttl_s) and has_served and time.monotonic() - self._connected_at > ttl_s

    def _is_usable(self, connection: Connection, sender: Sender) -> bool:
        if time.monotonic() - self._used_at > _IDLE_S or self._is_over():
            return False
        try:
            sender.receive(connection.receive_waiting())
        except (DeliveryError, ProtocolError):
            return False
        return True

    def _connected(self) -> tuple[Connection, Sender]:
        assert self._connection is not None, "connect comes first"
        return self._connection

    def _open(self) -> None:
        (host, port), config = self._hosts[0], self._config
        timeout_s, tls = config.timeout_s, config.ssl
        connection = Connection.connect(host, port, timeout_s=timeout_s, tls=tls, proxy=self._proxy)
        self._connected_at = self._used_at = time.monotonic()
        self._connection = connection, Sender(self._deflate)

    def _next_host(self) -> None:
        self.close()
        self._hosts.rotate(-1)


def _reject_suspects(work: Work, job: Framing, part: slice) -> None:
    """Reject the lines that explain why a working Logstash closed the connection."""
    for index in range(part.start, part.stop):
        if reason := job.suspicion(index):
            rejected = Rejected(f"Logstash closed the connection on it: {reason}")
            work.record(slice(index, index + 1), [rejected])
