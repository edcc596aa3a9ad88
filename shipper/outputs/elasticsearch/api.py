"""The official client with our configuration, for `setup`; the bulk output does not use it."""

import ssl
from typing import Any

from elasticsearch import Elasticsearch

from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import authorization, url_of
from shipper.outputs.tls import TlsConfig, tls_context


def kibana_access(config: ElasticsearchConfig) -> tuple[dict[str, str], ssl.SSLContext | None]:
    """The same credentials and trust for Kibana; Filebeat's default where Kibana has none."""
    _, headers = authorization(config, [url_of(host, config) for host in config.hosts])
    first = url_of(config.hosts[0], config)
    if config.ssl is None:
        return headers, None
    return headers, tls_context(config.ssl, first.host, first.port, config.timeout_s)


def api_client(config: ElasticsearchConfig) -> Elasticsearch:
    """A client with the same trust and the same credentials as the output."""
    urls = [url_of(host, config) for host in dict.fromkeys(config.hosts)]
    _, headers = authorization(config, urls)
    tls: dict[str, Any] = {}
    if urls[0].is_tls:
        first = urls[0]
        settings = config.ssl or TlsConfig()
        tls["ssl_context"] = tls_context(settings, first.host, first.port, config.timeout_s)
    return Elasticsearch(
        [str(url) for url in urls], headers=headers, request_timeout=config.timeout_s, **tls
    )
