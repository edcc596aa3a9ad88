"""The official client on our configuration, for `setup`; the bulk output does without it."""

import ssl
from typing import Any

from elasticsearch import Elasticsearch

from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import authorization, node_of
from shipper.outputs.tls import TlsConfig, tls_context


def kibana_access(config: ElasticsearchConfig) -> tuple[dict[str, str], ssl.SSLContext | None]:
    """The same credentials and trust for Kibana, as Filebeat has it where Kibana has none."""
    _, headers = authorization(config, [node_of(host, config) for host in config.hosts])
    first = node_of(config.hosts[0], config)
    if config.ssl is None:
        return headers, None
    return headers, tls_context(config.ssl, first.host, first.port, config.timeout_s)


def api_client(config: ElasticsearchConfig) -> Elasticsearch:
    """A client that trusts whom the output trusts and says who it is the same way."""
    nodes = [node_of(host, config) for host in dict.fromkeys(config.hosts)]
    _, headers = authorization(config, nodes)
    tls: dict[str, Any] = {}
    if nodes[0].is_tls:
        first = nodes[0]
        settings = config.ssl or TlsConfig()
        tls["ssl_context"] = tls_context(settings, first.host, first.port, config.timeout_s)
    return Elasticsearch(
        [str(node) for node in nodes], headers=headers, request_timeout=config.timeout_s, **tls
    )
