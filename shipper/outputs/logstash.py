"""Logstash, Elastic Agent, or anything else that speaks Lumberjack v2.

An acknowledgement means that the server's queue has the events, not that they are indexed.
"""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from shipper.errors import ConfigError, DeliveryError, Problem, ProtocolError
from shipper.outputs.base import DELIVERED, RETRY, Lines, Outcome, Rejected
from shipper.outputs.deflate import zlib_deflate
from shipper.outputs.stream import Disconnected, Stream, TimedOut, some_hosts
from shipper.outputs.suspect import suspicion
from shipper.outputs.tls import TlsConfig
from shipper.wire.lumberjack import Sender

DEFAULT_PORT: Final = 5044

#: Logstash holds a window twice in direct memory; big windows times many clients exhaust it.
_WINDOW_BYTES = 4 << 20

#: Logstash resets a connection idle for 60 s, load balancers earlier: a fresh one is cheaper than
#: a window lost to the reset and sent twice.
_IDLE_S = 15.0

#: An answer to the empty window takes a round trip; servers that give none are waited for this.
_PROBE_S = 3.0

_QUOTE = ord(b'"')


@dataclass(frozen=True, slots=True, kw_only=True)
class LogstashConfig:
    """Where Logstash listens, and how much it gets at once."""

    #: `host` or `host:port` each; one is taken at random and kept until it fails.
    hosts: tuple[str, ...] = ("localhost:5044",)
    #: Events in a window at most; servers may refuse more than 10,000.
    bulk_max_size: int = 2048
    #: 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: int = 3
    #: Longest wait for a connection, for progress in sending, and for any acknowledgement.
    timeout_s: float = 30.0
    #: `@metadata.beat`, from which the customary Logstash output makes the index name.
    index: str = "mcp-shipper"
    #: `@metadata.version`; the service fills in the program's.
    version: str = "0"
    #: TLS, if the server has it.
    ssl: TlsConfig | None = None


class Logstash:
    """One connection to one of the hosts, one window in flight."""

    def __init__(self, config: LogstashConfig) -> None:
        self._config = config
        self._hosts = [split_host(host, DEFAULT_PORT) for host in some_hosts(config.hosts)]
        self._next = random.randrange(len(self._hosts))  # noqa: S311  # spreads load, no secret
        self._deflate = zlib_deflate(config.compression_level)
        metadata = {"beat": config.index, "type": "_doc", "version": config.version}
        self._metadata = b'{"@metadata":' + msgspec.json.encode(metadata)
        self._connection: tuple[Stream, Sender] | None = None
        self._used_at = 0.0

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines` window by window, in order: after a failure the rest is to be retried."""
        outcomes: list[Outcome] = []
        for window in _windows(lines, self._config.bulk_max_size):
            try:
                outcomes += self._send_window(window)
            except (DeliveryError, ProtocolError):
                if not outcomes:
                    raise
                break  # what is settled counts; the cause shows again when the rest is sent
            if outcomes[-1:] != [DELIVERED]:
                break
        return outcomes + [RETRY] * (len(lines) - len(outcomes))

    def probe(self) -> str:
        """Connect and send an empty window, which Logstash answers and older servers ignore."""
        stream, sender = self._connected()
        where = f"{stream.peer} ({stream.security})"
        try:
            stream.send(sender.window(()))
            sender.receive(stream.receive(_PROBE_S))
        except TimedOut:
            answer = f"connected; no answer to an empty window within {_PROBE_S:.0f} s, as is usual"
        else:
            answer = "connected, and it acknowledged an empty window"
        finally:
            self.close()
        return f"{where}: {answer}"

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection[0].close()
            self._connection = None

    def _send_window(self, lines: Lines) -> Sequence[Outcome]:
        stream, sender = self._connected()
        try:
            stream.send(self._frame(sender, lines))
            while not sender.settled:
                sender.receive(stream.receive())
        except (DeliveryError, ProtocolError) as error:
            self._next_host()
            if sender.acked:
                return [DELIVERED] * sender.acked + [RETRY] * (len(lines) - sender.acked)
            if isinstance(error, Disconnected) and (verdicts := _suspects(lines)):
                return verdicts
            raise
        self._used_at = time.monotonic()
        return [DELIVERED] * len(lines)

    def _frame(self, sender: Sender, lines: Lines) -> bytes:
        """The window of `lines`, each with the metadata as its first member."""
        # A line starts {" unless it is empty or begins with white space: one sweep tells.
        if lines.bytes_at(1) == {_QUOTE}:
            return sender.window(lines.views(skip=1), prefix=self._metadata + b",")
        return sender.window([_spliced(self._metadata, line) for line in lines])

    def _connected(self) -> tuple[Stream, Sender]:
        if self._connection is not None and not self._is_usable(*self._connection):
            self.close()
        for _ in self._hosts[1:]:
            if self._connection is None:
                with suppress(DeliveryError):
                    self._connection = self._connect()
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _is_usable(self, stream: Stream, sender: Sender) -> bool:
        if time.monotonic() - self._used_at > _IDLE_S:
            return False
        try:
            sender.receive(stream.receive_waiting())
        except (DeliveryError, ProtocolError):
            return False
        return True

    def _connect(self) -> tuple[Stream, Sender]:
        host, port = self._hosts[self._next]
        timeout_s, tls = self._config.timeout_s, self._config.ssl
        try:
            stream = Stream.connect(host, port, timeout_s=timeout_s, tls=tls)
        except DeliveryError:
            self._next_host()
            raise
        self._used_at = time.monotonic()
        return stream, Sender(self._deflate)

    def _next_host(self) -> None:
        self.close()
        self._next = (self._next + 1) % len(self._hosts)


def _spliced(metadata: bytes, line: bytes) -> bytes:
    members = line[1:].lstrip()
    return metadata + (b"" if members.startswith(b"}") else b",") + members


def _windows(lines: Lines, max_lines: int) -> Iterator[Lines]:
    """Cut `lines` into windows; a line over the bound is a window of its own."""
    if len(lines) <= max_lines and len(lines.block) <= _WINDOW_BYTES:
        yield lines  # as the pipeline makes them
        return
    start = 0
    for index, end in enumerate(lines.ends):
        is_full = index - start == max_lines or end - lines.start(start) > _WINDOW_BYTES
        if is_full and index > start:
            yield lines.part(start, index)
            start = index
    yield lines.part(start, len(lines))


def _suspects(lines: Lines) -> list[Outcome]:
    """Reject the lines that explain the closed connection; none, if nothing does."""
    reasons = list(map(suspicion, lines))
    if not any(reasons):
        return []
    return [
        Rejected(f"Logstash closed the connection on it: {reason}") if reason else RETRY
        for reason in reasons
    ]


def split_host(where: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host`, `host:port`, `[::1]:port` or `::1`."""
    host, port = where, ""
    if where.startswith("["):
        host, _, port = where[1:].partition("]")
        port = port.removeprefix(":")
    elif where.count(":") == 1:
        host, _, port = where.partition(":")
    if not host or (port and not port.isdecimal()):
        raise ConfigError([Problem("hosts", f"{where!r} is not host or host:port")])
    return host, int(port) if port else default_port
