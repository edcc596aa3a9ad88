"""One Lumberjack connection: windows under way, acknowledgements, and when to begin anew."""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shipper.errors import Closed, DeliveryError, ProtocolError, Unavailable
from shipper.lines import Lines
from shipper.outputs.base import BATCH_BYTES, DELIVERED, Rejected
from shipper.outputs.connection import Disconnected, Stream, TimedOut
from shipper.outputs.deflate import zlib_deflate
from shipper.outputs.lanes import Size, Work
from shipper.outputs.logstash.suspect import suspicion
from shipper.wire.lumberjack import Payloads, Sender

if TYPE_CHECKING:
    from shipper.outputs.logstash.config import LogstashConfig

#: Logstash resets a connection idle for 60 s, load balancers earlier: a fresh one is cheaper than
#: a window lost to the reset and sent twice.
_IDLE_S = 15.0

#: Logstash holds a window twice in direct memory; big windows times many clients exhaust it. It has
#: room for some lines more than its part of a batch, or each batch would end in a tiny window.
WINDOW_BYTES: Final = BATCH_BYTES + (64 << 10)

#: An answer to the empty window takes a round trip; servers that give none are waited for this.
PROBE_S: Final = 3.0

#: Part of the timeout after which a silent server is asked whether it is alive.
_NUDGE_AFTER = 1 / 3

#: A blocked Logstash keeps each window that it was sent; every new connection adds one.
_MAX_STALL_S = 3600.0

_QUOTE = ord(b'"')


class Framing:
    """The lines of one `send` as payloads, each with the metadata as its first member."""

    __slots__ = ("_payloads", "_prefix")

    def __init__(self, lines: Lines, metadata: bytes) -> None:
        """`metadata` is the beginning of an object, without its closing brace."""
        # A line starts {" unless it is empty or begins with white space: one sweep tells.
        self._payloads: Payloads
        if lines.is_usual or lines.bytes_at(1) == {_QUOTE}:
            self._prefix, self._payloads = metadata + b",", lines.views(skip=1)
        else:
            self._prefix, self._payloads = b"", [_spliced(metadata, line) for line in lines]

    def window(self, sender: Sender, part: slice) -> bytes:
        """The window of these lines."""
        return sender.window(self._payloads[part], prefix=self._prefix)

    def suspicion(self, index: int) -> str | None:
        """Why Logstash may have closed the connection on that line."""
        return suspicion(self._prefix + self._payloads[index])


def _spliced(metadata: bytes, line: bytes) -> bytes:
    members = line[1:].lstrip()
    return metadata + (b"" if members.startswith(b"}") else b",") + members


class LogstashLane:
    """A connection to one of some hosts, the same until it fails; windows go out in order."""

    def __init__(self, config: "LogstashConfig", hosts: Sequence[tuple[str, int]]) -> None:
        self._config, self._hosts = config, deque(hosts)
        self._depth = max(config.pipelining, 1)
        self._deflate = zlib_deflate(config.compression_level)
        self._size = Size(config.bulk_max_size, is_slow=config.slow_start)
        self._stall_s = config.stall_timeout_s
        self._connection: tuple[Stream, Sender] | None = None
        self._connected_at = self._used_at = 0.0

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    def connect(self) -> None:
        """See that there is a connection that will do; each host is tried once."""
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
        """Keep some windows under way until there are no lines, or the connection is to end."""
        flying: deque[slice] = deque()
        try:
            while self._send(work, job, flying):
                self._receive()
                self._settle(work, flying)
        except (DeliveryError, ProtocolError) as error:
            self._settle(work, flying)
            self._fail(work, job, flying, error)

    def probe(self) -> str:
        """Connect and send an empty window, which Logstash answers and older servers ignore."""
        self.connect()
        assert self._connection is not None
        stream = self._connection[0]
        where = f"{stream.peer} ({stream.security})"
        try:
            self._prove()
        except TimedOut:
            answer = (
                f"connected; no answer to an empty window within {PROBE_S:.0f} s: Elastic Agent, "
                "Vector and old Logstashes give none, nor does what speaks no Lumberjack"
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
        """Send windows as long as there may be more under way; whether there are any."""
        if not flying and self._is_over() and not work.is_taken:
            self.close()
            self.connect()  # which looks the name up anew
        while len(flying) < self._depth and not self._is_over():
            part = work.take(self._size.lines, WINDOW_BYTES)
            if part is None:
                break
            stream, sender = self._open_connection()
            flying.append(part)
            stream.send(job.window(sender, part))
            self._used_at = time.monotonic()
        return bool(flying)

    def _receive(self) -> None:
        """Take what comes, at least something, if only that it is still alive.

        Logstash stops saying so for a window that it had read before it was through with the last;
        whatever it reads makes it begin again. The empty window means nothing else.
        """
        stream, sender = self._open_connection()
        try:
            data = stream.receive(self._config.timeout_s * _NUDGE_AFTER)
        except TimedOut:
            stream.send(sender.window(()))
            data = stream.receive(self._config.timeout_s * (1 - _NUDGE_AFTER))
        before = sender.under_way, sender.acked
        sender.receive(data)
        if before != (sender.under_way, sender.acked):
            self._used_at = time.monotonic()
            self._stall_s = self._config.stall_timeout_s
        elif time.monotonic() - self._used_at > self._stall_s:
            said = f"{stream.peer} is alive, but has taken no line for {self._stall_s:g} s"
            self._stall_s = min(self._stall_s * 2, _MAX_STALL_S)
            raise Unavailable(f"{said}; connecting anew")

    def _settle(self, work: Work, flying: deque[slice]) -> None:
        """Settle the windows that are acknowledged; the oldest first."""
        under_way = self._connection[1].under_way if self._connection else len(flying)
        while len(flying) > under_way:
            part = flying.popleft()
            work.settle(part, [DELIVERED] * (part.stop - part.start))
            if self._config.slow_start:
                self._size.grow()

    def _fail(
        self, work: Work, job: Framing, flying: deque[slice], error: DeliveryError | ProtocolError
    ) -> None:
        """Keep what a window had acknowledged in part, and say what the failure means."""
        acked = self._connection[1].acked if self._connection else 0
        if acked:
            start = flying[0].start
            work.settle(slice(start, start + acked), [DELIVERED] * acked)
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
        stream, sender = self._open_connection()
        stream.send(sender.window(()))
        sender.receive(stream.receive(PROBE_S))

    def _is_over(self) -> bool:
        """Whether the connection has lived as long as it may; each serves for one window."""
        ttl_s, has_served = self._config.ttl_s, self._used_at > self._connected_at
        return bool(ttl_s) and has_served and time.monotonic() - self._connected_at > ttl_s

    def _is_usable(self, stream: Stream, sender: Sender) -> bool:
        if time.monotonic() - self._used_at > _IDLE_S or self._is_over():
            return False
        try:
            sender.receive(stream.receive_waiting())
        except (DeliveryError, ProtocolError):
            return False
        return True

    def _open_connection(self) -> tuple[Stream, Sender]:
        assert self._connection is not None, "connect comes first"
        return self._connection

    def _open(self) -> None:
        (host, port), config = self._hosts[0], self._config
        stream = Stream.connect(host, port, timeout_s=config.timeout_s, tls=config.ssl)
        self._connected_at = self._used_at = time.monotonic()
        self._connection = stream, Sender(self._deflate)

    def _next_host(self) -> None:
        self.close()
        self._hosts.rotate(-1)


def _reject_suspects(work: Work, job: Framing, part: slice) -> None:
    """Reject the lines that explain why a Logstash that works closed the connection."""
    for index in range(part.start, part.stop):
        if reason := job.suspicion(index):
            rejected = Rejected(f"Logstash closed the connection on it: {reason}")
            work.settle(slice(index, index + 1), [rejected])
