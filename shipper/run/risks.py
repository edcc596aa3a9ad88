"""The settings of a configuration that a security review would question."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shipper.config import Config
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.elasticsearch.output import url_of
from shipper.outputs.pem import is_pem
from shipper.outputs.tls import TlsConfig

#: What only the owner of a private key, and perhaps a group, may have.
_OTHERS = stat.S_IWGRP | stat.S_IRWXO


def risks(config: Config) -> Iterator[str]:
    """A message for each risk; the outputs have been made from this configuration already."""
    for name, settings in config.outputs.items():
        if tls := getattr(settings, "ssl", None):
            yield from _of_tls(f"output.{name}.ssl", tls)
        if _has_credentials(settings) and not _is_encrypted(settings):
            yield (
                f"output.{name}: its credentials are sent without encryption, and anybody on the "
                "way can read them; use https, or an ssl section"
            )
    elasticsearch = config.outputs.get("elasticsearch")
    if (config.kibana_url or "").startswith("http://") and _has_credentials(elasticsearch):
        yield "kibana_url: `setup` sends the credentials there without encryption; use https"


def _of_tls(where: str, tls: TlsConfig) -> Iterator[str]:
    if tls.verification_mode == "none":
        yield (
            f"{where}.verification_mode: none: the server is not verified, and anybody on the way "
            "can read and change everything"
        )
    path = tls.key or tls.certificate
    mode = _mode(path) if path and not is_pem(path) else 0
    if mode & _OTHERS:
        yield f"{where}.key: others can read or write {path} (mode {mode:o}): chmod 600 {path}"


def _mode(path: str) -> int:
    try:
        return stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:  # reported when it is loaded
        return 0


def _has_credentials(settings: Any) -> bool:
    names = ("api_key", "password", "headers")
    is_in_hosts = any("@" in host for host in getattr(settings, "hosts", ()))
    return is_in_hosts or any(getattr(settings, name, None) for name in names)


def _is_encrypted(settings: Any) -> bool:
    if isinstance(settings, ElasticsearchConfig):
        return all(url_of(host, settings).is_tls for host in settings.hosts)
    return settings.ssl is not None
