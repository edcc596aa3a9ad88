"""The API server of Kubernetes, and how to log in to it: from within a pod, or by a kubeconfig."""

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import Struct

from shipper.errors import ConfigError, ProtocolError, Refused, Unavailable
from shipper.outputs.http import Http, Url, parse_url
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig

if TYPE_CHECKING:
    from http.client import HTTPResponse

#: Where a pod finds the token of its service account, the authority, and its namespace.
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_HTTPS_PORT = 443
#: Longer than a watch lasts, so that only a dead connection runs into it.
_TIMEOUT_S = 150.0
_MAX_MESSAGE_BYTES = 64 << 10
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE, _OK = 401, 403, 404, 410, 200


class Expired(Exception):
    """The resource version is too old: list the pods again (410 Gone)."""


class Server(Struct, frozen=True):
    """An API server; its text leaves out all secrets."""

    url: Url
    tls: TlsConfig = TlsConfig()
    token: Secret | None = None
    #: The file of a token, which is replaced before it expires.
    token_file: str = ""

    def __repr__(self) -> str:
        return f"Server({self.url})"

    def http(self) -> Http:
        """A connection."""
        return Http(self.url, timeout_s=_TIMEOUT_S, tls=self.tls)

    def headers(self) -> dict[str, str]:
        """The headers of a request, with the token of now."""
        token = self.token.reveal() if self.token else ""
        if self.token_file:
            try:
                token = Path(self.token_file).read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise Refused(f"{self.token_file}: the token cannot be read ({error})") from None
        own = {"Accept": "application/json", "User-Agent": "mcp-shipper"}
        return {**own, **({"Authorization": f"Bearer {token}"} if token else {})}


@contextmanager
def asked(server: Server, http: Http, target: str) -> "Iterator[HTTPResponse]":
    """The answer to a GET; raises `Refused`, `Unavailable` or `Expired` instead of a bad one."""
    with http.answered("GET", target, server.headers()) as response:
        if response.status != _OK:
            raise _error(server, target, response.status, response.read(_MAX_MESSAGE_BYTES))
        yield response


def _error(server: Server, target: str, status: int, body: bytes) -> Exception:
    if status == _GONE:
        return Expired()
    what = f"{server.url}: {target.partition('?')[0]}: {status}: {message_of(body)}"
    if status in {_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND}:
        return Refused(f"{what}; the service account needs get, list and watch on pods")
    return Unavailable(what)


def message_of(body: bytes) -> str:
    """The message of a `Status`."""
    try:
        return str(msgspec.json.decode(body)["message"])
    except (msgspec.DecodeError, KeyError, TypeError, RecursionError):
        return "without a message"


def in_cluster(
    environment: Mapping[str, str] = os.environ, account: Path = _ACCOUNT
) -> Server | None:
    """The server of the cluster that the shipper is in; None outside, or without a token."""
    host, port = (environment.get(f"KUBERNETES_SERVICE_{one}", "") for one in ("HOST", "PORT"))
    if not host or not (account / "token").exists():
        return None
    url = Url(host, int(port) if port.isdigit() else _HTTPS_PORT, "", is_tls=True)
    tls = TlsConfig(certificate_authorities=(str(account / "ca.crt"),))
    return Server(url, tls, token_file=str(account / "token"))


def by_kubeconfig(path: Path) -> Server:
    """The server of a kubeconfig's current context; raises `Refused` if that cannot be used."""
    try:
        found = yaml.safe_load(path.read_bytes())
        context = _named(found, "context", found["current-context"])
        cluster = _named(found, "cluster", context["cluster"])
        user = _named(found, "user", context["user"])
        return _server(path.parent, cluster, user)
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, ConfigError) as error:
        # Its text may hold a key: only the kind of the error is safe to show.
        raise Refused(
            f"{path}: is not a kubeconfig that can be used ({type(error).__name__})"
        ) from None


def _named(found: Any, kind: str, name: str) -> Any:
    return next(one[kind] for one in found[f"{kind}s"] if one["name"] == name) or {}


def _server(folder: Path, cluster: Any, user: Any) -> Server:
    if "exec" in user or "auth-provider" in user:
        raise Refused("kube_config: programs that fetch a token are not run; use a token or a file")
    authority = _pem(folder, cluster, "certificate-authority")
    tls = TlsConfig(
        verification_mode="none" if cluster.get("insecure-skip-tls-verify") else "full",
        certificate_authorities=(authority,) if authority else (),
        certificate=_pem(folder, user, "client-certificate"),
        key=_pem(folder, user, "client-key"),
    )
    url = parse_url(cluster["server"], default_port=_HTTPS_PORT, is_tls=True)
    token = Secret(user["token"]) if user.get("token") else None
    file = user.get("tokenFile") or ""
    return Server(url, tls, token, str(folder / file) if file and token is None else "")


def _pem(folder: Path, found: Any, key: str) -> str | None:
    """PEM text or a path, which is relative to the kubeconfig."""
    if data := found.get(f"{key}-data"):
        return base64.b64decode(data, validate=True).decode("ascii")
    return str(folder / found[key]) if found.get(key) else None


def next_line(response: "HTTPResponse", max_bytes: int) -> bytes:
    """The next line of an answer without an end; empty at its end."""
    line = response.readline(max_bytes + 1)
    if len(line) > max_bytes:
        raise ProtocolError(f"a line of over {max_bytes} bytes")
    return line
