"""The configuration of the syslog output."""

from typing import Annotated, Final

from msgspec import Struct, field

from shipper.bounds import Bounds, Count, Span
from shipper.formats.codec import Codec, CodecConfig
from shipper.outputs.config import BackoffConfig, LanesConfig, Workers
from shipper.outputs.tls import TlsConfig

#: RFC 5425 for TLS; RFC 6587 has no port, and most receivers use 514.
PORT: Final = 514
TLS_PORT: Final = 6514


class SyslogConfig(LanesConfig, CodecConfig, Struct, frozen=True, kw_only=True):
    """Where the receivers are, and what their messages hold."""

    #: `host` or `host:port` each.
    hosts: tuple[str, ...] = ("localhost",)
    #: Use all hosts at the same time, each with a part of the lines; otherwise one, which is chosen
    #: at random and kept until it fails.
    loadbalance: bool = False
    #: Connections to each host that is used; with more than one the order is lost.
    workers: Workers = 1
    #: The facility: 13 is "log audit".
    facility: Annotated[int, Bounds(0, 23)] = 13
    #: json: the unchanged line; ocsf, cef, leef: the line in that format.
    codec: Codec = "json"
    #: Longer messages become dead letters. rsyslog cuts what exceeds its own maxMessageSize, 8 KiB
    #: by default.
    max_message_bytes: Count = 8192
    #: Longest wait for a connection, and for progress in sending.
    timeout_s: Span = 5.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: Lines written at once.
    bulk_max_size: Count = 2048
    #: TLS, if the receiver has it.
    ssl: TlsConfig | None = None
