"""Listens for requests until it is stopped."""

import os
import ssl

import uvicorn

from shipper.api.http.app import Api
from shipper.config import Config
from shipper.errors import ConfigError, Problem

_MIN_TOKEN = 32


def serve(config: Config) -> None:
    """Answer requests until SIGTERM or SIGINT; raises `ConfigError` for a section without use."""
    if problems := _problems(config):
        raise ConfigError(problems)
    uvicorn.Server(server_config(config)).run()


def server_config(config: Config) -> uvicorn.Config:
    """The settings of the server; a socket file is only for this user and its group."""
    api, tls = config.api, config.api.ssl
    if api.socket_file:
        os.umask(0o007)
    return uvicorn.Config(
        Api(config).app(),
        host=api.host,
        port=api.port,
        uds=str(api.socket_file) if api.socket_file else None,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=tls.certificate_authorities if tls else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.certificate_authorities else ssl.CERT_NONE,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=256,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
        proxy_headers=False,
        ws="none",
        lifespan="off",
    )


def _problems(config: Config) -> list[Problem]:
    api = config.api
    found = []
    if not api.clients:
        found.append(Problem("api.clients", "is missing: nobody may ask"))
    if not api.is_local and api.ssl is None:
        found.append(
            Problem("api.host", f"{api.host} is reached from other hosts: configure api.ssl")
        )
    for name, client in api.clients.items():
        if len(client.token.reveal()) < _MIN_TOKEN:
            what = f"is shorter than {_MIN_TOKEN} signs; make one with `openssl rand -hex 32`"
            found.append(Problem(f"api.clients.{name}.token", what))
        if (client.role == "tenant") != bool(client.client_id):
            found.append(
                Problem(f"api.clients.{name}.client_id", "a tenant has one, and only a tenant")
            )
    return found
