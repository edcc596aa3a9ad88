"""The official client with our configuration, for `setup`; the bulk output does not use it."""

import socket
import ssl
from functools import partial
from typing import Any

from elastic_transport import NodeConfig, Urllib3HttpNode
from elasticsearch import Elasticsearch

from shipper.outputs.connection import reached
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import authorization, url_of
from shipper.outputs.http import Url
from shipper.outputs.proxy import Proxy
from shipper.outputs.tls import TlsConfig, tls_context


def kibana_access(config: ElasticsearchConfig) -> tuple[dict[str, str], ssl.SSLContext | None]:
    """The same credentials and trust for Kibana; Filebeat's default where Kibana has none."""
    urls = [url_of(host, config) for host in config.hosts]
    _, headers = authorization(config, urls)
    return headers, None if config.ssl is None else _context(config.ssl, urls[0], config)


def api_client(config: ElasticsearchConfig) -> Elasticsearch:
    """A client with the same trust, credentials and proxy as the output."""
    urls = [url_of(host, config) for host in dict.fromkeys(config.hosts)]
    _, headers = authorization(config, urls)
    more: dict[str, Any] = {}
    if urls[0].is_tls:
        more["ssl_context"] = _context(config.ssl or TlsConfig(), urls[0], config)
    if proxy := config.proxy:
        more["node_class"] = _node_class(proxy)
    return Elasticsearch(
        [str(url) for url in urls], headers=headers, request_timeout=config.timeout_s, **more
    )


def _context(tls: TlsConfig, url: Url, config: ElasticsearchConfig) -> ssl.SSLContext:
    connect = partial(reached, url.host, url.port, config.timeout_s, config.proxy)
    return tls_context(tls, url.host, url.port, connect)


def _node_class(proxy: Proxy) -> type[Urllib3HttpNode]:
    """Nodes of the client whose connections go through the proxy."""

    class Through(Urllib3HttpNode):
        def __init__(self, config: NodeConfig) -> None:
            super().__init__(config)
            kind: Any = self.pool.ConnectionCls
            self.pool.ConnectionCls = _connection_class(kind, proxy)

    return Through


def _connection_class(kind: Any, proxy: Proxy) -> Any:
    class Connected(kind):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            return reached(self.host, self.port, _TIMEOUT_S, proxy)

    return Connected


_TIMEOUT_S = 90.0
