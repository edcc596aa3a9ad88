"""The configuration of the Redis output, in Filebeat's words."""

from typing import Annotated, Final, Literal

from msgspec import Struct, field

from shipper.bounds import INNER, Count, Span
from shipper.formats.codec import Codec, CodecConfig
from shipper.outputs.config import BackoffConfig, LanesConfig, Workers
from shipper.outputs.proxy import ProxyConfig
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from shipper.processors.naming import Names, Rule, names_of

DEFAULT_PORT: Final = 6379


class RedisConfig(LanesConfig, ProxyConfig, CodecConfig, Struct, frozen=True, kw_only=True):
    """Where Redis is, and under which key the lines go."""

    #: `host` or `host:port` each.
    hosts: tuple[str, ...] = ("localhost:6379",)
    #: Use all hosts at the same time, each with a part of the lines; otherwise one, which is chosen
    #: at random and kept until it fails.
    loadbalance: bool = True
    #: Connections to each host that is used; with more than one the order is lost.
    workers: Workers = 1
    #: The key of the list or stream; its places `%{…}` are filled by each line.
    key: str = "mcp-audit"
    #: list: a line is an element, as Logstash's redis input reads it; stream: an entry with the
    #: line as its field `message`. Not channel: lines that nobody listens to are lost.
    datatype: Literal["list", "stream"] = "list"
    #: About how many entries a stream keeps; the oldest are deleted, read or not. 0 keeps all.
    max_length: int = 0
    #: json: the unchanged line; ocsf, cef, leef: the line in that format.
    codec: Codec = "json"
    #: Number of the database.
    db: int = 0
    username: str | None = None
    password: Secret | None = None
    #: Longest wait for a connection, for progress in sending, and for an answer.
    timeout_s: Span = 5.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: Lines written at once.
    bulk_max_size: Count = 2048
    #: TLS, if the server has it.
    ssl: TlsConfig | None = None
    #: Filebeat's `keys`: rules that come before `key`.
    key_rules: Annotated[tuple[Rule, ...], INNER] = ()

    @property
    def keys(self) -> Names:
        """The key of each line."""
        return names_of(self.key, self.key_rules)
