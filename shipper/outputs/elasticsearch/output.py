"""Elasticsearch through its bulk API, one outcome per line."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from operator import add
from urllib.parse import urlencode

from msgspec.structs import replace

from shipper.errors import ConfigError, Problem
from shipper.lines import Lines
from shipper.outputs.base import Outcome
from shipper.outputs.elasticsearch.chosen import Chosen
from shipper.outputs.elasticsearch.config import DEFAULT_PORT, ElasticsearchConfig
from shipper.outputs.elasticsearch.lane import Api, ElasticsearchLane, Requests
from shipper.outputs.hosts import some_hosts
from shipper.outputs.http import Http, Url, parse_url
from shipper.outputs.lanes import Lanes, Work, groups
from shipper.shown import shown
from shipper.wire import bulk

#: Less is not worth a request of its own.
_MIN_SHARE_BYTES = 64 << 10
#: The action of a line that goes to a data stream whose default pipeline gives it a time.
_LOGS = re.compile(rb'\{"create":\{"_index":"logs-[^"-]+-')
#: What a request line can hold.
_PATH = re.compile(r"[\x21-\x7e]*")


class Elasticsearch:
    """Requests to one node, or to all of them at once, in as many connections as configured."""

    def __init__(self, config: ElasticsearchConfig) -> None:
        self._config = config
        urls = [url_of(host, config) for host in some_hosts(config.hosts)]
        credentials, headers = authorization(config, urls)
        api = Api(_target(config), headers, credentials, config.compression_level)
        lanes = [
            ElasticsearchLane([_http(url, config) for url in group], api, config.bulk_max_size)
            for group in groups(urls, config)
        ]
        self._lanes = Lanes(lanes, config.backoff)
        is_monthly = config.strategy == "monthly"
        self._chosen = Chosen(config)
        self._has_pipeline = "pipeline" in _parameters(config) or self._chosen.has_pipelines
        self._encoder = bulk.ActionEncoder(
            self._chosen.placeholder, config.indices, is_monthly=is_monthly
        )

    def send(self, lines: Lines) -> Sequence[Outcome]:
        """Create a document for each line; on one connection none follows a failed request."""
        ids = lines.ids()
        actions = self._encoder.actions(lines.block, ids)
        if self._chosen.is_needed:
            actions, rejected = self._chosen.actions(lines, actions, self._encoder.default)
            if rejected:
                return self._send_others(lines, rejected)
        return self._send(lines, ids, actions)

    def _send_others(self, lines: Lines, rejected: Mapping[int, Outcome]) -> Sequence[Outcome]:
        """Send the lines that have an index."""
        rest = [at for at in range(len(lines)) if at not in rejected]
        sent = iter(self.send(lines.pick(rest)) if rest else ())
        return [rejected[at] if at in rejected else next(sent) for at in range(len(lines))]

    def _send(self, lines: Lines, ids: Sequence[bytes], actions: list[bytes]) -> Sequence[Outcome]:
        views = self._dated(actions, lines.views(past=1))
        ends = list(accumulate(map(add, map(len, actions), map(len, views))))
        work = Work(ends, self._config.bulk_max_size, self._share_bytes(ends))
        return self._lanes.deliver(work, Requests(actions, views, ids, self._encoder.default))

    def probe(self) -> str:
        """Ask each node for its name, with the credentials of the bulk requests."""
        nodes = len(self._config.hosts) if self._config.loadbalance else 1
        return self._lanes.probe(nodes)

    def close(self) -> None:
        """Close the connections."""
        self._lanes.close()

    def _dated(self, actions: Sequence[bytes], views: list[memoryview]) -> list[memoryview]:
        """The lines, with the time of now where neither they nor Elasticsearch give one.

        A data stream takes no line without a time. The default pipeline of `logs-*-*` adds it,
        which a pipeline of one's own replaces.
        """
        if not self._has_pipeline and all(map(_LOGS.match, actions)):
            return views
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
        return [
            view
            if (not self._has_pipeline and _LOGS.match(action)) or bulk.is_dated(view)
            else memoryview(bulk.dated(view, now))
            for action, view in zip(actions, views, strict=True)
        ]

    def _share_bytes(self, ends: Sequence[int]) -> int:
        """Bytes of a request, so that each connection gets one."""
        most, lanes = self._config.bulk_max_body_bytes, self._config.lanes
        if lanes == 1 or not ends:
            return most
        return min(most, max(ends[-1] // lanes + 1, _MIN_SHARE_BYTES))


def _target(config: ElasticsearchConfig) -> str:
    """The path of a bulk request, with its parameters."""
    given = _parameters(config)
    more = f"&{urlencode(given)}" if given else ""
    return f"/_bulk?filter_path={bulk.FILTER_PATH}{more}"


def _parameters(config: ElasticsearchConfig) -> Mapping[str, str]:
    pipeline = Chosen(config).pipeline
    return {**config.parameters, **({"pipeline": pipeline} if pipeline else {})}


def _http(url: Url, config: ElasticsearchConfig) -> Http:
    return Http(url, timeout_s=config.timeout_s, tls=config.ssl, proxy=config.proxy)


def url_of(host: str, config: ElasticsearchConfig) -> Url:
    """The URL of that host, up to the path of the API."""
    is_tls = config.protocol == "https" if config.protocol else config.ssl is not None
    url = parse_url(host, default_port=DEFAULT_PORT, is_tls=is_tls)
    more = config.path.strip("/")
    if not _PATH.fullmatch(url.path + more):
        raise ConfigError([Problem("path", "has a blank, or a character to be written as %XX")])
    return replace(url, path=f"{url.path}/{more}") if more else url


def authorization(config: ElasticsearchConfig, urls: Sequence[Url]) -> tuple[str, dict[str, str]]:
    """The kind of credentials in words, and the headers of every request with them.

    Raises `ConfigError`, without quoting a value, if one cannot be sent: a secret that was made
    with `echo` ends with a newline.
    """
    kind, headers = _authorization(config, urls)
    source = "api_key" if config.api_key is not None else "headers"
    problems = [
        *(_header_problem(name) for name in headers if not _HEADER_NAME.fullmatch(name)),
        *(
            Problem(source if name == "Authorization" else f"headers.{name}", _UNSENDABLE)
            for name, value in headers.items()
            if not _HEADER_VALUE.fullmatch(value)
        ),
    ]
    if problems:
        raise ConfigError(problems)
    return kind, headers


#: RFC 9110; and what Python's HTTP client can encode.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_UNSENDABLE = "the value has a newline, or another character that no header can have"


def _header_problem(name: str) -> Problem:
    return Problem("headers", f"{shown(name)} is not the name of a header")


def _authorization(config: ElasticsearchConfig, urls: Sequence[Url]) -> tuple[str, dict[str, str]]:
    headers = {name: value.reveal() for name, value in config.headers.items()}
    if config.api_key is not None:
        key = config.api_key.reveal()
        encoded = _base64(key) if ":" in key else key
        return "the API key", {**headers, "Authorization": f"ApiKey {encoded}"}
    userinfo = next((url.userinfo for url in urls if url.userinfo), None)
    if config.username is not None:
        password = config.password.reveal() if config.password else ""
        userinfo = f"{config.username}:{password}"
    if userinfo is not None:
        basic = f"Basic {_base64(userinfo)}"
        return "the user name and password", {**headers, "Authorization": basic}
    return "the given headers" if headers else "no credentials", headers


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
