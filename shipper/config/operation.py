"""The settings of running and monitoring: Filebeat's sections `http` and `logging`."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct

from shipper.bounds import Bounds, Count, Duration

_UNIX = "unix://"


class HttpConfig(Struct, frozen=True, kw_only=True):
    """The endpoint for probes and metrics."""

    enabled: bool = False
    #: A name or address, or `unix:///path` for a socket file. The endpoint does not authenticate
    #: callers: choose an address that other machines can reach only on purpose.
    host: str = "localhost"
    port: Annotated[int, Bounds(0, 65_535)] = 5066

    @property
    def socket_file(self) -> Path | None:
        """The path of a socket file; None for an address."""
        return Path(self.host.removeprefix(_UNIX)) if self.host.startswith(_UNIX) else None

    @property
    def address(self) -> str:
        """The address as a person reads it."""
        return self.host if self.socket_file else f"{self.host}:{self.port}"


class MetricsConfig(Struct, frozen=True, kw_only=True):
    """The counters in the log."""

    enabled: bool = True
    period_s: Duration = 30.0


class _LogFilesConfig(Struct, frozen=True, kw_only=True):
    """The shipper's own log in files."""

    #: Directory; `path.logs` if it is not given.
    path: str | None = None
    #: `<name>.ndjson` is written to, `<name>.ndjson.1` is the one before.
    name: str = "mcp-shipper"
    #: Size at which a new file begins.
    rotateeverybytes: Count = 10 << 20
    #: Rotated files to keep, in addition to the current one; the oldest is deleted.
    keepfiles: int = 7
    #: Mode of new files.
    permissions: int = 0o600


class _LoggingConfig(Struct, frozen=True, kw_only=True):
    """The shipper's own log, as ECS lines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    #: Log to standard error; without `to_files` this is always on.
    to_stderr: bool = False
    to_files: bool = False
    files: _LogFilesConfig = _LogFilesConfig()
    metrics: MetricsConfig = MetricsConfig()


class _SelfAuditConfig(Struct, frozen=True, kw_only=True):
    """The shipper's own audit events: starts, stops, reloads, and lines that do not arrive."""

    #: They go to every output. Switch them off if a destination must get only the inputs' lines.
    enabled: bool = True


class EvidenceConfig(Struct, frozen=True, kw_only=True):
    """Signed checkpoints; they are signed if a key is given."""

    #: The file of the key, which no other user can read.
    key: str | None = None
    #: Signs in place of a key file: reads the message, prints the signature in base64.
    command: tuple[str, ...] = ()
    #: The public key of the command.
    public: str | None = None
    #: A checkpoint of each open stream, also without new events.
    interval_s: Duration = 60.0
    #: A checkpoint earlier than that, after this many events.
    events: Count = 10_000

    @property
    def enabled(self) -> bool:
        """Whether checkpoints are signed."""
        return bool(self.key or self.command)


class Operation(Struct, frozen=True, kw_only=True):
    """The settings of a run, together."""

    http: HttpConfig = HttpConfig()
    logging: _LoggingConfig = _LoggingConfig()
    self_audit: _SelfAuditConfig = _SelfAuditConfig()
    evidence: EvidenceConfig = EvidenceConfig()
    #: The longest time that a stop waits for the batch in flight.
    shutdown_timeout_s: Duration = 5.0
