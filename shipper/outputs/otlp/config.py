"""The configuration of the OTLP output."""

from collections.abc import Mapping

from msgspec import Struct, field

from shipper.bounds import Count, Level, Span
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig


class OtlpConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """Where the collector is."""

    #: The collector's address; `/v1/logs` is added if it has no path.
    url: str = "http://localhost:4318"
    #: Headers of every request, such as the collector's token.
    headers: Mapping[str, Secret] = field(default_factory=dict)
    #: Lines in a request.
    bulk_max_size: Count = 1024
    #: gzip, 0 to 9.
    compression_level: Level = 1
    #: Longest wait for a connection, for progress in sending, and for the answer.
    timeout_s: Span = 30.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: TLS, for an https address.
    ssl: TlsConfig | None = None
