"""How the shipper is run and watched: Filebeat's `http` and `logging` sections."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The endpoint for probes and metrics."""

    enabled: bool = False
    #: A name or address, or `unix:///path` for a socket file. Nothing is authenticated here, so
    #: anything but the machine itself is a decision to make on purpose.
    host: str = "localhost"
    port: int = 5066


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """The counters in the log."""

    enabled: bool = True
    period_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """The shipper's own log, ECS lines on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    metrics: MetricsConfig = MetricsConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfAuditConfig:
    """The shipper's own audit events: starts, stops, reloads, and lines that do not arrive."""

    #: They go to every output. Off is for destinations that must have the inputs' lines alone.
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The settings of a run, together."""

    http: HttpConfig = HttpConfig()
    logging: LoggingConfig = LoggingConfig()
    self_audit: SelfAuditConfig = SelfAuditConfig()
    #: How long a stop waits for the batch in flight.
    shutdown_timeout_s: float = 5.0
