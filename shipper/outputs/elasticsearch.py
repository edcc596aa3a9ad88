"""Elasticsearch through its bulk API, into data streams, one outcome a line."""

import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import Final

import msgspec

from shipper.errors import (
    DeliveryError,
    ProtocolError,
    Refused,
    TooLarge,
    Unavailable,
)
from shipper.outputs.base import (
    DELIVERED,
    DIVERTED,
    DUPLICATE,
    RETRY,
    BackoffConfig,
    Lines,
    Outcome,
    OutputConfig,
    Rejected,
)
from shipper.outputs.deflate import gzip_deflate
from shipper.outputs.http import Http, Node, parse_node
from shipper.outputs.secret import Secret
from shipper.outputs.stream import some_hosts
from shipper.outputs.tls import TlsConfig
from shipper.wire import bulk

DEFAULT_PORT: Final = 9200

_OK, _CONFLICT, _TOO_LARGE, _TOO_MANY = 200, 409, 413, 429
_UNAUTHORIZED, _FORBIDDEN = 401, 403

_BULK = f"/_bulk?filter_path={bulk.FILTER_PATH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchConfig(OutputConfig):
    """Where Elasticsearch is, who we are, and how much it gets at once."""

    #: URLs; one is taken at random and kept until it fails.
    hosts: tuple[str, ...] = ("http://localhost:9200",)
    #: Where lines go that name no data stream of their own.
    index: str = "logs-generic-default"
    #: `id:key`, or its base64 form as Kibana shows it.
    api_key: Secret | None = None
    #: Basic authentication instead of an API key.
    username: str | None = None
    password: Secret | None = None
    #: Lines in a request at most.
    bulk_max_size: int = 1600
    #: Bytes in a request before compression at most; servers refuse over 100 MiB.
    bulk_max_body_bytes: int = 8 << 20
    #: gzip level, 0 (none) to 9; isa-l where installed, else zlib.
    compression_level: int = 1
    #: Longest wait for a connection, for progress in sending, and for the answer.
    timeout_s: float = 90.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: TLS, for https hosts.
    ssl: TlsConfig | None = None


class Elasticsearch:
    """One connection to one of the nodes, one request in flight."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._config = config
        nodes = [node_of(host, config) for host in some_hosts(config.hosts)]
        self._nodes = [Http(n, timeout_s=config.timeout_s, tls=config.ssl) for n in nodes]
        self._names = list(map(str, nodes))
        self._next = random.randrange(len(nodes))  # noqa: S311  # spreads load, no secret
        self._deflate = gzip_deflate(config.compression_level)
        self._encoder = bulk.Encoder(config.index)
        self._credentials, header = authorization(config, nodes)
        self._headers = {"Accept": "application/json", **header}
        self._bulk_headers = {**self._headers, "Content-Type": "application/x-ndjson"}
        if self._deflate is not None:
            self._bulk_headers["Content-Encoding"] = "gzip"

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Create a document for each line; after a failed request the rest is to be retried."""
        outcomes: list[Outcome] = []
        actions = self._encoder.actions(lines.block)
        views = lines.views(past=1)
        for part in self._parts(actions, views):
            try:
                body = bulk.body(actions[part], views[part])
                outcomes += self._send_part(body, part.stop - part.start)
            except (DeliveryError, ProtocolError):
                if not outcomes:
                    raise
                break  # what is settled counts; the cause shows again when the rest is sent
        return outcomes + [RETRY] * (len(lines) - len(outcomes))

    def probe(self) -> str:
        """Ask who answers, with the credentials of the bulk requests."""
        status, data = self._ask("GET", "/", self._headers)
        if status == _FORBIDDEN:  # as it should be for a key that may only write
            name = self._names[self._next]
            return f"{name} knows {self._credentials}, which may not read the cluster's name"
        if status != _OK:
            raise self._failure(status, data)
        try:
            found = _roots.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ProtocolError(
                f"{self._names[self._next]} answers {status}, but not as Elasticsearch does"
            ) from None
        return (
            f"{self._names[self._next]} is Elasticsearch {found.version.number}, "
            f"cluster {found.cluster_name}, with {self._credentials}"
        )

    def close(self) -> None:
        """Let go of the connections."""
        for node in self._nodes:
            node.close()

    def _parts(self, actions: Sequence[bytes], lines: Sequence[memoryview]) -> Iterator[slice]:
        """Cut the lines into requests; a line over the bound is a request of its own."""
        max_lines, max_bytes = self._config.bulk_max_size, self._config.bulk_max_body_bytes
        start = size = 0
        for end, length in enumerate(map(add, map(len, actions), map(len, lines))):
            if end > start and (end - start == max_lines or size + length > max_bytes):
                yield slice(start, end)
                start, size = end, 0
            size += length
        if lines:
            yield slice(start, len(lines))

    def _send_part(self, body: bytes, count: int) -> list[Outcome]:
        if self._deflate is not None:
            body = self._deflate(body)
        try:
            status, data = self._ask("POST", _BULK, self._bulk_headers, body)
            if status != _OK:
                raise self._failure(status, data)
            return self._outcomes(bulk.read_response(data, count))
        except (Unavailable, Refused, ProtocolError):
            self._next = (self._next + 1) % len(self._nodes)
            raise

    def _outcomes(self, items: Sequence[bulk.Item]) -> list[Outcome]:
        if all(map(_is_blocked, items)) and items:
            said = items[0].error or bulk.Error()
            raise Refused(f"{self._names[self._next]} takes no line ({said.reason})")
        return list(map(_outcome, items))

    def _ask(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        return self._nodes[self._next].request(method, target, headers, body)

    def _failure(self, status: int, data: bytes) -> DeliveryError:
        """The error that an answer other than 200 means for the whole request."""
        name = self._names[self._next]
        said = bulk.read_failure(data)
        what = f"{name} answers {status}" + (f" ({said})" if said else "")
        if status == _TOO_LARGE:
            return TooLarge(what)
        if status == _TOO_MANY or status >= 500:  # noqa: PLR2004  # HTTP's server errors
            return Unavailable(what)
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return Refused(f"{what}: it does not accept {self._credentials} for this")
        return Refused(f"{what}; check that hosts names Elasticsearch itself")


class _Version(msgspec.Struct):
    number: str


class _Root(msgspec.Struct):
    version: _Version
    cluster_name: str


_roots = msgspec.json.Decoder(_Root)


def _outcome(item: bulk.Item) -> Outcome:
    status = item.status
    if 200 <= status < 300:  # noqa: PLR2004  # HTTP's success
        return DIVERTED if item.failure_store == "used" else DELIVERED
    if status == _CONFLICT:
        return DUPLICATE
    if status == _TOO_MANY or status >= 500 or _is_blocked(item):  # noqa: PLR2004  # HTTP's
        return RETRY
    error = item.error or bulk.Error()
    return Rejected(f"{status} {error.type}: {error.reason}")


def _is_blocked(item: bulk.Item) -> bool:
    """Whether the index takes no line at all now: read-only, or its disk is full."""
    return item.error is not None and item.error.type == "cluster_block_exception"


def node_of(host: str, config: ElasticsearchConfig) -> Node:
    return parse_node(host, default_port=DEFAULT_PORT, is_tls=config.ssl is not None)


def authorization(config: ElasticsearchConfig, nodes: Sequence[Node]) -> tuple[str, dict[str, str]]:
    """What the credentials are called, and the header that carries them."""
    if config.api_key is not None:
        key = config.api_key.reveal()
        return "the API key", {"Authorization": f"ApiKey {_base64(key) if ':' in key else key}"}
    userinfo = next((node.userinfo for node in nodes if node.userinfo), None)
    if config.username is not None:
        password = config.password.reveal() if config.password else ""
        userinfo = f"{config.username}:{password}"
    if userinfo is not None:
        return "the user name and password", {"Authorization": f"Basic {_base64(userinfo)}"}
    return "no credentials", {}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
