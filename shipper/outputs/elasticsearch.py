"""Elasticsearch through its bulk API, one outcome a line."""

import base64
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from msgspec import Struct, field
from msgspec.structs import force_setattr, replace

from shipper.outputs.base import (
    INNER,
    BackoffConfig,
    Count,
    LanesConfig,
    Level,
    Lines,
    Outcome,
    Span,
    Workers,
)
from shipper.outputs.elasticsearch_lane import Api, ElasticsearchLane, Requests
from shipper.outputs.http import Http, Node, parse_node
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.outputs.secret import Secret
from shipper.outputs.stream import some_hosts
from shipper.outputs.tls import TlsConfig
from shipper.wire import bulk

DEFAULT_PORT: Final = 9200

#: Less is not worth a request of its own.
_MIN_SHARE_BYTES = 64 << 10

#: Filebeat's presets, as far as they set what there is here.
_PRESETS: Mapping[str, Mapping[str, int]] = {
    "balanced": {"bulk_max_size": 1600, "workers": 1, "compression_level": 1},
    "throughput": {"bulk_max_size": 1600, "workers": 4, "compression_level": 1},
    "scale": {"bulk_max_size": 1600, "workers": 1, "compression_level": 1},
    "latency": {"bulk_max_size": 50, "workers": 1, "compression_level": 1},
    "custom": {},
}


class ElasticsearchConfig(LanesConfig, Struct, frozen=True, kw_only=True):
    """Where Elasticsearch is, who we are, and how much it gets at once."""

    #: URLs of nodes, which may hold a password.
    hosts: tuple[str, ...] = ("http://localhost:9200",)
    #: Of hosts that do not say; without it https if there is an `ssl` section.
    protocol: Literal["http", "https"] | None = None
    #: Use all nodes at once; otherwise one is taken at random and kept until it fails.
    loadbalance: bool = True
    #: Connections to each node that is used.
    workers: Workers = 1
    #: A path before that of the API, for a proxy that wants one.
    path: str = ""
    #: Parameters of every bulk request.
    parameters: Mapping[str, str] = field(default_factory=dict)
    #: Headers of every request.
    headers: Mapping[str, Secret] = field(default_factory=dict)
    #: An ingest pipeline that every line goes through.
    pipeline: str | None = None
    #: Where lines go that name no data stream of their own.
    index: str = "logs-generic-default"
    #: `id:key`, or its base64 form as Kibana shows it.
    api_key: Secret | None = None
    #: Basic authentication instead of an API key.
    username: str | None = None
    password: Secret | None = None
    #: Sets the next three for a purpose; custom: they are as they are given.
    preset: Literal["balanced", "throughput", "scale", "latency", "custom"] = "custom"
    #: Lines in a request at most.
    bulk_max_size: Count = 1600
    #: Bytes in a request before compression at most; servers refuse over 100 MiB.
    bulk_max_body_bytes: Count = 8 << 20
    #: gzip level, 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: Level = 1
    #: Longest wait for a connection, for progress in sending, and for the answer.
    timeout_s: Span = 90.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: TLS, for https hosts.
    ssl: TlsConfig | None = None
    #: Where the lines of a dataset of `indices` go; the configuration's `index_strategy`.
    strategy: Annotated[Literal["data_stream", "rollover_alias", "monthly"], INNER] = "data_stream"
    indices: Annotated[Mapping[str, str], INNER] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in _PRESETS[self.preset].items():
            force_setattr(self, name, value)

    def __repr__(self) -> str:
        """Without the hosts, which may hold a password."""
        return f"ElasticsearchConfig(index={self.index!r}, …)"


class Elasticsearch:
    """Requests to one node, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._config = config
        nodes = [node_of(host, config) for host in some_hosts(config.hosts)]
        credentials, headers = authorization(config, nodes)
        api = Api(_target(config), headers, credentials, config.compression_level)
        lanes = [
            ElasticsearchLane([_http(node, config) for node in group], api, config.bulk_max_size)
            for group in groups(nodes, config)
        ]
        self._lanes = Lanes(lanes, config.backoff)
        self._encoder = _encoder(config)

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Create a document for each line; on one connection none follows a failed request."""
        actions = self._encoder.actions(lines.block)
        views = lines.views(past=1)
        ends = list(accumulate(map(add, map(len, actions), map(len, views))))
        work = Work(ends, self._config.bulk_max_size, self._share_bytes(ends))
        return self._lanes.deliver(work, Requests(actions, views))

    def probe(self) -> str:
        """Ask each node who it is, with the credentials of the bulk requests."""
        nodes = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(nodes)

    def close(self) -> None:
        """Let go of the connections."""
        self._lanes.close()

    def _share_bytes(self, ends: Sequence[int]) -> int:
        """Bytes of a request, so that each connection gets one."""
        most, lanes = self._config.bulk_max_body_bytes, self._config.lanes
        if lanes == 1 or not ends:
            return most
        return min(most, max(ends[-1] // lanes + 1, _MIN_SHARE_BYTES))


def _encoder(config: ElasticsearchConfig) -> bulk.Encoder:
    if config.strategy == "monthly":
        return bulk.MonthlyEncoder(config.index, config.indices)
    if config.strategy == "rollover_alias":
        return bulk.AliasEncoder(config.index, config.indices)
    return bulk.Encoder(config.index)


def _target(config: ElasticsearchConfig) -> str:
    """The path of a bulk request, with its parameters."""
    given = {**config.parameters, **({"pipeline": config.pipeline} if config.pipeline else {})}
    more = f"&{urlencode(given)}" if given else ""
    return f"/_bulk?filter_path={bulk.FILTER_PATH}{more}"


def _http(node: Node, config: ElasticsearchConfig) -> Http:
    return Http(node, timeout_s=config.timeout_s, tls=config.ssl)


def node_of(host: str, config: ElasticsearchConfig) -> Node:
    """Where that host is, and the path before the API."""
    is_tls = config.protocol == "https" if config.protocol else config.ssl is not None
    node = parse_node(host, default_port=DEFAULT_PORT, is_tls=is_tls)
    more = config.path.strip("/")
    return replace(node, path=f"{node.path}/{more}") if more else node


def authorization(config: ElasticsearchConfig, nodes: Sequence[Node]) -> tuple[str, dict[str, str]]:
    """What the credentials are called, and the headers of every request, theirs among them."""
    headers = {name: value.reveal() for name, value in config.headers.items()}
    if config.api_key is not None:
        key = config.api_key.reveal()
        encoded = _base64(key) if ":" in key else key
        return "the API key", {**headers, "Authorization": f"ApiKey {encoded}"}
    userinfo = next((node.userinfo for node in nodes if node.userinfo), None)
    if config.username is not None:
        password = config.password.reveal() if config.password else ""
        userinfo = f"{config.username}:{password}"
    if userinfo is not None:
        basic = f"Basic {_base64(userinfo)}"
        return "the user name and password", {**headers, "Authorization": basic}
    return "the given headers" if headers else "no credentials", headers


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
