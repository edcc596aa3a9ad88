"""The configuration of the webhook."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from shipper.bounds import Count, Span
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.raised import Severity
from shipper.outputs.secret import Secret
from shipper.outputs.tls import TlsConfig


class WebhookConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """Where alerts are posted, and how."""

    #: The address, which is often a secret itself.
    url: Secret
    #: The body: the event as recorded, or a message as Slack or Teams takes it.
    format: Literal["json", "slack", "teams"] = "json"
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
