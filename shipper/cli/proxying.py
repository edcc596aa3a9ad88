"""MCP servers over HTTP, recorded without a change: `proxy`."""

import argparse
import errno
import os
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shipper.cli.terminal import warn
from shipper.cli.wrapping import add_record, record_of
from shipper.errors import BadInput, Problem, Unavailable
from shipper.proxy.routes import Route, route_of, split

if TYPE_CHECKING:
    from shipper.proxy.serve import Listen

_LISTEN = "127.0.0.1:8808"
_MAX_PORT = 65535


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command that are its own."""
    parser.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="[/PREFIX=]URL",
        help="the server; repeat it for several, each with its own prefix",
    )
    parser.add_argument(
        "--listen",
        default=_LISTEN,
        metavar="HOST:PORT",
        help=f"where to listen (default: {_LISTEN})",
    )
    parser.add_argument("--certificate", metavar="FILE", help="serve TLS with this certificate")
    parser.add_argument("--key", metavar="FILE", help="its private key, if in another file")
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help="certificate authorities of the servers (default: the system's)",
    )
    add_record(parser)


def proxy(arguments: argparse.Namespace) -> int:
    """Pass on what clients and servers exchange, and record it, until stopped."""
    try:
        from shipper.proxy.serve import Listen, run
    except ModuleNotFoundError as error:
        text = f"a library is missing ({error}); pip install 'mcp-shipper[proxy]'"
        raise BadInput([Problem("proxy", text)]) from error
    from shipper.proxy.recorder import Recorder
    from shipper.record.handler import AuditHandler

    host, port = _address(arguments.listen)
    listen = Listen(
        routes=_routes(arguments.to),
        host=host,
        port=port,
        tls=_served(arguments.certificate, arguments.key),
        to_servers=_trusted(arguments.ca),
    )
    about = record_of(arguments)
    _check_directory(about.directory)
    with Recorder(AuditHandler(about.directory, **about.settings)) as recorder:
        try:
            run(listen, recorder, lambda port: _announce(arguments.to, listen, port))
        except OSError as error:
            text = f"cannot listen at {arguments.listen}: {error.strerror or error}"
            raise Unavailable(text) from error
    return 0


def _check_directory(directory: Path) -> None:
    """Raise `BadInput` rather than serve without a record; later, the traffic goes first."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        text = f"cannot record in {directory}: {error.strerror}"
        raise BadInput([Problem("--directory", text)]) from error


def _announce(named: Sequence[str], listen: "Listen", port: int) -> None:
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    origin = f"{'https' if listen.tls else 'http'}://{host}:{port}"
    for words in named:
        prefix, url = split(words)
        path = prefix or urlsplit(url).path
        warn(f"mcp-shipper: {origin}{path} passes to {url}")


def _routes(named: Sequence[str]) -> tuple[Route, ...]:
    """The routes of `--to`, which must not be in each other's way."""
    found: dict[str, Route] = {}
    for words in named:
        try:
            route = route_of(words)
        except ValueError as error:
            raise BadInput([Problem(f"--to {words}", str(error))]) from error
        found[route.prefix] = route
    if len(found) < len(named) or ("" in found and len(found) > 1):
        text = "each of several servers needs its own prefix: --to /files=URL"
        raise BadInput([Problem("--to", text)])
    return tuple(found.values())


def _address(words: str) -> tuple[str, int]:
    host, colon, port = words.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > _MAX_PORT:
        raise BadInput([Problem("--listen", "must be HOST:PORT, such as 127.0.0.1:8808")])
    return host.strip("[]"), int(port)


def _served(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, lambda: "")  # no question on the terminal
    except OSError as error:
        text = f"{certificate} with its key cannot be loaded ({error})"
        raise BadInput([Problem("--certificate", text)]) from error
    return context


def _trusted(authorities: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        text = f"{authorities} cannot be loaded ({error}); it must be a readable PEM file"
        raise BadInput([Problem("--ca", text)]) from error
