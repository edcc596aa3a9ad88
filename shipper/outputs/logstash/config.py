"""The configuration of the Logstash output, in Filebeat's words."""

from typing import Final

from msgspec import Struct, field

from shipper import __version__
from shipper.bounds import Count, Duration, Level, Span
from shipper.outputs.config import BackoffConfig, LanesConfig, Workers
from shipper.outputs.proxy import ProxyConfig
from shipper.outputs.tls import TlsConfig

DEFAULT_PORT: Final = 5044


class LogstashConfig(LanesConfig, ProxyConfig, Struct, frozen=True, kw_only=True):
    """Where Logstash listens, and how much it gets at once."""

    #: `host` or `host:port` each; one is taken at random and kept until it fails.
    hosts: tuple[str, ...] = ("localhost:5044",)
    #: Use all hosts at the same time; the order of an audit stream is then lost.
    loadbalance: bool = False
    #: Connections to each host that is used; with more than one the order is lost as well.
    workers: Workers = 1
    #: Windows in flight on a connection before the first of them is acknowledged.
    pipelining: int = 2
    #: The most events in a window; servers may refuse more than 10,000.
    bulk_max_size: Count = 2048
    #: Start with windows of 10 events, grow after each success, halve after a failure.
    slow_start: bool = False
    #: How long to keep a connection; then the name is resolved again. 0: no limit.
    ttl_s: Duration = 0.0
    #: 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: Level = 3
    #: Longest wait for a connection, for progress in sending, and for any acknowledgement.
    timeout_s: Span = 30.0
    #: A server that is alive, but takes no line for this time, gets a new connection.
    stall_timeout_s: Span = 300.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: `@metadata.beat`; the usual Logstash output builds the index name from it.
    index: str = "mcp-shipper"
    #: `@metadata.version`, which is part of that name too.
    version: str = __version__
    #: TLS, if the server has it.
    ssl: TlsConfig | None = None

    @property
    def parts(self) -> int:
        """Windows in flight at the same time, on all connections."""
        return self.lanes * max(self.pipelining, 1)
