"""What the Logstash output is configured with, in Filebeat's words."""

from typing import Final

from msgspec import Struct, field

from shipper import __version__
from shipper.bounds import Count, Level, Span
from shipper.outputs.config import BackoffConfig, LanesConfig, Workers
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
