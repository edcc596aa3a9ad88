"""Logstash, Elastic Agent, or anything else that speaks Lumberjack v2.

An acknowledgement means that the server's queue has the events, not that they are indexed.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct, field

from shipper import __version__
from shipper.errors import ConfigError, Problem
from shipper.outputs.base import (
    BackoffConfig,
    Count,
    LanesConfig,
    Level,
    Lines,
    Outcome,
    Span,
    Workers,
)
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.logstash_lane import WINDOW_BYTES, Framing, LogstashLane
from shipper.outputs.stream import some_hosts
from shipper.outputs.tls import TlsConfig

DEFAULT_PORT: Final = 5044


class LogstashConfig(LanesConfig, Struct, frozen=True, kw_only=True):
    """Where Logstash listens, and how much it gets at once."""

    #: `host` or `host:port` each; one is taken at random and kept until it fails.
    hosts: tuple[str, ...] = ("localhost:5044",)
    #: Use all hosts at once instead; a stream then has no order any more.
    loadbalance: bool = False
    #: Connections to each host that is used; more than one give up the order as well.
    workers: Workers = 1
    #: Windows under way on a connection before the first of them is acknowledged.
    pipelining: int = 2
    #: Events in a window at most; servers may refuse more than 10,000.
    bulk_max_size: Count = 2048
    #: Begin with windows of 10 events, grow while they are acknowledged, halve when they are not.
    slow_start: bool = False
    #: How long a connection lives; then the name is looked up anew. 0: for ever.
    ttl_s: float = 0.0
    #: 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: Level = 3
    #: Longest wait for a connection, for progress in sending, and for any acknowledgement.
    timeout_s: Span = 30.0
    #: A server that says it is alive, but takes no line for so long, gets a new connection.
    stall_timeout_s: Span = 300.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: `@metadata.beat`, from which the customary Logstash output makes the index name.
    index: str = "mcp-shipper"
    #: `@metadata.version`, which is in that name too.
    version: str = __version__
    #: TLS, if the server has it.
    ssl: TlsConfig | None = None

    @property
    def parts(self) -> int:
        """Windows under way at once, on all connections."""
        return self.lanes * max(self.pipelining, 1)


class Logstash:
    """Windows to one host, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: LogstashConfig) -> None:
        hosts = [split_host(host, DEFAULT_PORT) for host in some_hosts(config.hosts)]
        lanes = [LogstashLane(config, group) for group in groups(hosts, config)]
        self._lanes = Lanes(lanes, config.backoff)
        self._config = config
        metadata = {"beat": config.index, "type": "_doc", "version": config.version}
        self._metadata = b'{"@metadata":' + msgspec.json.encode(metadata)

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Deliver `lines` in windows; on one connection in order: after a failure none is sent."""
        work = Work(lines.ends, self._config.bulk_max_size, WINDOW_BYTES)
        return self._lanes.deliver(work, Framing(lines, self._metadata))

    def probe(self) -> str:
        """Connect to each host that would be used, and send it an empty window."""
        hosts = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(hosts)

    def close(self) -> None:
        """Let go of the connections."""
        self._lanes.close()


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
