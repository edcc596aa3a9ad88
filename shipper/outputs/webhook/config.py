"""The configuration of the webhook."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from shipper.bounds import Count, Span
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.raised import Severity
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig


class RevocationConfig(Struct, frozen=True, kw_only=True):
    """Which alerts end the sessions of their user, and who states that to whom."""

    #: Names of alerts.
    rules: tuple[str, ...]
    #: Who we are, as the receiver knows us: a URL.
    issuer: str
    #: The receiver.
    audience: str
    #: File, or PEM text, of the private key: RSA, P-256 or Ed25519.
    key: str
    #: The name of the key, if the receiver has several.
    key_id: str | None = None
    #: Who issued the ids of users; without it they are opaque.
    subject_issuer: str | None = None

    def __repr__(self) -> str:
        """Without the key, which may be given as text."""
        return f"RevocationConfig(issuer={self.issuer!r}, …)"


class WebhookConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """Where alerts are posted, and how."""

    #: The address, which is often a secret itself.
    url: Secret
    #: The body: the event as recorded, a message as Slack or Teams takes it, or a signed token
    #: that ends the user's sessions (`caep`).
    format: Literal["json", "slack", "teams", "caep"] = "json"
    #: What `caep` needs.
    revocation: RevocationConfig | None = None
    #: The key of the signature in `X-MCP-Shipper-Signature`; not signed without one.
    secret: Secret | None = None
    #: Headers of every request.
    headers: Mapping[str, Secret] = field(default_factory=dict)
    #: Alerts of a lower severity are not posted.
    severity: Severity = "low"
    #: Lines read at once.
    bulk_max_size: Count = 2048
    #: Longest wait for a connection, and for the answer.
    timeout_s: Span = 10.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
    #: TLS, for an https address.
    ssl: TlsConfig | None = None
