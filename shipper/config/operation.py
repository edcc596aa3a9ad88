"""How the shipper is run and watched: Filebeat's `http` and `logging` sections."""

from dataclasses import dataclass
from typing import Annotated, Literal

from shipper.outputs.base import Bounds, Count


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """The endpoint for probes and metrics."""

    enabled: bool = False
    #: A name or address, or `unix:///path` for a socket file. Nothing is authenticated here, so
    #: anything but the machine itself is a decision to make on purpose.
    host: str = "localhost"
    port: Annotated[int, Bounds(0, 65_535)] = 5066


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsConfig:
    """The counters in the log."""

    enabled: bool = True
    period_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilesConfig:
    """The shipper's own log in files."""

    #: Directory; `path.logs` where it is not given.
    path: str | None = None
    #: `<name>.ndjson` is written to, `<name>.ndjson.1` is the one before.
    name: str = "mcp-shipper"
    #: Size at which a new file begins.
    rotateeverybytes: Count = 10 << 20
    #: Files to keep besides the one that is written to; the oldest is deleted.
    keepfiles: int = 7
    #: Mode of new files.
    permissions: int = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingConfig:
    """The shipper's own log, as ECS lines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    #: On standard error; it is also there when no files are wanted.
    to_stderr: bool = False
    to_files: bool = False
    files: LogFilesConfig = LogFilesConfig()
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
