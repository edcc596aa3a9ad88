"""The settings of the HTTP interface: the section `api`."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct, field

from shipper.bounds import Bounds, Count
from shipper.outputs.secret import Secret

_UNIX = "unix://"


class ClientConfig(Struct, frozen=True, kw_only=True):
    """A program or a person that may ask."""

    #: What it sends as `Authorization: Bearer …`; at least 32 signs of chance.
    token: Secret
    #: writer: logs events. analyst: reads events without payloads. auditor: reads everything.
    #: tenant: reads the events of `client_id`.
    role: Literal["writer", "analyst", "auditor", "tenant"]
    #: The `mcp.client.id` of a tenant.
    client_id: str | None = None


class ApiTlsConfig(Struct, frozen=True, kw_only=True):
    """The certificate of the interface."""

    certificate: str
    key: str
    #: Authorities of clients: only those with a certificate of theirs can connect.
    certificate_authorities: str | None = None


class ApiConfig(Struct, frozen=True, kw_only=True):
    """Where the interface listens, and for whom."""

    #: A name or address, or `unix:///path`; other than this host's own needs `ssl`.
    host: str = "localhost"
    port: Annotated[int, Bounds(0, 65_535)] = 5067
    #: Who may ask, by name.
    clients: Mapping[str, ClientConfig] = field(default_factory=dict)
    #: Requests of one client; of one address without a valid token.
    requests_per_minute: Count = 600
    #: The largest request.
    max_body_bytes: Count = 1 << 20
    ssl: ApiTlsConfig | None = None

    @property
    def socket_file(self) -> Path | None:
        """The path of a socket file; None for an address."""
        return Path(self.host.removeprefix(_UNIX)) if self.host.startswith(_UNIX) else None

    @property
    def is_local(self) -> bool:
        """Whether only this host can connect."""
        if self.host == "localhost" or self.socket_file:
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False
