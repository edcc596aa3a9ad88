"""The configuration of the Elasticsearch output, in Filebeat's words."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Struct, field

from shipper.bounds import INNER, Count, Level, Span
from shipper.outputs.config import BackoffConfig, LanesConfig, Workers
from shipper.outputs.proxy import ProxyConfig
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig
from shipper.processors.naming import Rule

DEFAULT_PORT: Final = 9200


#: Filebeat's presets, without the settings that only Filebeat has.
_PRESETS: Mapping[str, Mapping[str, int]] = {
    "balanced": {"bulk_max_size": 1600, "workers": 1, "compression_level": 1},
    "throughput": {"bulk_max_size": 1600, "workers": 4, "compression_level": 1},
    "scale": {"bulk_max_size": 1600, "workers": 1, "compression_level": 1},
    "latency": {"bulk_max_size": 50, "workers": 1, "compression_level": 1},
    "custom": {},
}


class ElasticsearchConfig(LanesConfig, ProxyConfig, Struct, frozen=True, kw_only=True):
    """Where Elasticsearch is, who we are, and how much it gets at once."""

    #: URLs of nodes, which may hold a password.
    hosts: tuple[str, ...] = ("http://localhost:9200",)
    #: For hosts without a scheme; the default is https if there is an `ssl` section.
    protocol: Literal["http", "https"] | None = None
    #: Use all nodes at the same time; otherwise one, chosen at random and kept until it fails.
    loadbalance: bool = True
    #: Connections to each node that is used.
    workers: Workers = 1
    #: A path in front of the API's, for a proxy that needs one.
    path: str = ""
    #: Parameters of every bulk request.
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: Headers of every request.
    headers: Mapping[str, Secret] = field(default_factory=dict)
    #: An ingest pipeline for every line; its places `%{…}` are filled by each line.
    pipeline: str | None = None
    #: For lines that name no data stream; its places `%{…}` are filled by each line.
    index: str = "logs-generic-default"
    #: `id:key`, or its base64 form as Kibana shows it.
    api_key: Secret | None = None
    #: Basic authentication instead of an API key.
    username: str | None = None
    password: Secret | None = None
    #: Sets `workers` and two of the next three when a configuration is read; custom: none of them.
    preset: Literal["balanced", "throughput", "scale", "latency", "custom"] = "custom"
    #: The most lines in a request.
    bulk_max_size: Count = 1600
    #: The most bytes in a request before compression; servers refuse more than 100 MiB.
    bulk_max_body_bytes: Count = 8 << 20
    #: gzip level, 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: Level = 1
    #: Longest wait for a connection, for progress in sending, and for the answer.
    timeout_s: Span = 90.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: TLS, for https hosts.
    ssl: TlsConfig | None = None
    #: What `indices` names: aliases, or the beginnings of monthly indices (`index_strategy`).
    strategy: Annotated[Literal["data_stream", "rollover_alias", "monthly"], INNER] = "data_stream"
    indices: Annotated[Mapping[str, str], INNER] = field(default_factory=dict)
    #: Filebeat's `indices` and `pipelines`: rules that come before `index` and `pipeline`.
    index_rules: Annotated[tuple[Rule, ...], INNER] = ()
    pipeline_rules: Annotated[tuple[Rule, ...], INNER] = ()

    @property
    def of_preset(self) -> Mapping[str, int]:
        """The settings that the preset overrides, by name; the reader of a section applies them."""
        return _PRESETS[self.preset]

    def __repr__(self) -> str:
        """Without the hosts, which may hold a password."""
        return f"ElasticsearchConfig(index={self.index!r}, …)"
