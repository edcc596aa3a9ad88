"""The configuration of the command."""

from msgspec import Struct, field

from shipper.bounds import Count, Span
from shipper.outputs.config import BackoffConfig, OutputConfig
from shipper.outputs.raised import Severity


class CommandConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """What runs for an alert."""

    #: The program and its arguments; no shell reads them.
    run: tuple[str, ...]
    #: Alerts of a lower severity run nothing.
    severity: Severity = "low"
    #: Lines read at once.
    bulk_max_size: Count = 2048
    #: The longest run; then it is killed, and tried again.
    timeout_s: Span = 30.0
    #: How long to wait before trying again.
    backoff: BackoffConfig = field(default_factory=BackoffConfig)
