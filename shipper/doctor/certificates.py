"""How long the certificates of the servers are still valid."""

import math
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from shipper.config import Config
from shipper.doctor.finding import Finding, ok, problem, warning
from shipper.errors import ShipperError
from shipper.outputs.connection import Connection
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import url_of
from shipper.outputs.hosts import split_host
from shipper.outputs.logstash.config import DEFAULT_PORT as LOGSTASH_PORT
from shipper.outputs.tls import TlsConfig

_SOON_DAYS = 30
_DAY_S = 86_400


def certificates(config: Config) -> Iterator[Finding]:
    """Expiry of our own certificates, of the authorities, and of the certificate of each host.

    An unreachable or refused host is a finding of `outputs`. Kafka's library opens its connections
    itself: the certificates of its brokers are not seen here.
    """
    for name, settings in config.outputs.items():
        if tls := getattr(settings, "ssl", None):
            yield from _of_files(tls)
        for host, port, tls in _hosts(name, settings):
            yield from _of_host(f"{host}:{port}", host, port, tls)


def _of_files(tls: TlsConfig) -> Iterator[Finding]:
    """What the configuration names; what cannot be loaded is a finding of `outputs`."""
    for authority in tls.certificate_authorities:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if "-----BEGIN" not in authority:
            with suppress(OSError):
                context.load_verify_locations(cafile=authority)
        for found in context.get_ca_certs():
            yield _expiry(f"the authority in {authority}", str(found["notAfter"]))
    if tls.certificate and "-----BEGIN" not in tls.certificate:
        yield from _of_own(Path(tls.certificate))


def _of_own(path: Path) -> Iterator[Finding]:
    """Python itself reads only certificates of authorities; the extra `evidence` reads all."""
    with suppress(ImportError, OSError, ValueError):
        from cryptography.x509 import load_pem_x509_certificate

        until = load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        yield _expiry(f"the certificate {path}", f"{until:%b %d %H:%M:%S %Y} GMT")


def _hosts(name: str, settings: Any) -> Iterator[tuple[str, int, TlsConfig]]:
    """Host, port and TLS settings of each host with TLS."""
    hosts = getattr(settings, "hosts", ()) if name != "kafka" else ()
    for host in hosts:
        if isinstance(settings, ElasticsearchConfig):
            url = url_of(host, settings)
            if url.is_tls:
                yield url.host, url.port, settings.ssl or TlsConfig()
        elif tls := getattr(settings, "ssl", None):
            yield *split_host(host, LOGSTASH_PORT), tls


def _of_host(where: str, host: str, port: int, tls: TlsConfig) -> Iterator[Finding]:
    try:
        connection = Connection.connect(host, port, timeout_s=_TIMEOUT_S, tls=tls)
    except ShipperError:
        return
    there = connection.socket
    found = there.getpeercert() if isinstance(there, ssl.SSLSocket) else None
    connection.close()
    if found and "notAfter" in found:  # without verification, Python does not read it
        yield _expiry(f"the certificate of {where}", str(found["notAfter"]))


def _expiry(whose: str, until: str) -> Finding:
    left_days = math.floor((ssl.cert_time_to_seconds(until) - time.time()) / _DAY_S)
    what = f"{whose} is valid until {until}, for {left_days} days"
    fix = "renew it; the shipper reads changed files without a restart"
    if left_days < 0:
        return problem("tls", f"{whose} expired at {until}", fix)
    return warning("tls", what, fix) if left_days < _SOON_DAYS else ok("tls", what)


_TIMEOUT_S = 10.0
