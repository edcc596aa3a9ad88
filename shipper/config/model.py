"""The configuration as a value."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from shipper import __version__
from shipper.catalog import Catalog, Scope
from shipper.config.api import ApiConfig
from shipper.config.operation import Operation
from shipper.config.settings import Settings
from shipper.follow.inputs import InputConfig

#: The retention that get_status returns if the operator sets no floor; the guide's default.
DEFAULT_RETENTION_DAYS = 365
#: The folder in `path.data` that keeps standard input until it is shipped.
STDIN = "stdin"


class Config(Struct, frozen=True, kw_only=True):
    """The operator's settings, checked."""

    #: The folder of positions, dead letters and locks.
    data: Path
    #: The folder of the shipper's own logs.
    logs: Path
    #: The folder in which `process` and `demo` write audit segments; also the default input.
    audit: Path
    inputs: tuple[InputConfig, ...]
    #: Output name to its own configuration object.
    outputs: Mapping[str, object]
    catalog: Catalog
    scope: Scope
    #: The overlay as given, for a handler in another process.
    overlay: Mapping[str, object] = field(default_factory=dict)
    namespace: str = "default"
    kibana_url: str | None = None
    index_prefix: str | None = None
    real_time_monitoring: bool = True
    operation: Operation = field(default_factory=Operation)
    api: ApiConfig = field(default_factory=ApiConfig)
    #: The keys that are set, for the event about a change.
    settings: Settings = field(default_factory=Settings)
    #: Remarks on accepted keys that have no effect, each with the reason.
    notes: tuple[str, ...] = ()

    @property
    def spool(self) -> Path | None:
        """The folder that keeps standard input until it is shipped, if it is an input."""
        return self.data / STDIN if any(one.is_stdin for one in self.inputs) else None

    @property
    def self_recording(self) -> dict[str, Any]:
        """The arguments of the `AuditHandler` for events of the shipper itself."""
        # Alerts repeat the pseudonyms of the events that raised them.
        rows = {name: row for name, row in self.overlay.items() if name != "pseudonyms"}
        service = {"name": "mcp-shipper", "version": __version__}
        return {**self.recording, "service": service, "catalog": rows}

    @property
    def recording(self) -> dict[str, Any]:
        """The arguments of an `AuditHandler` that records under this configuration."""
        return {
            "audit_level": self.scope.level.value,
            "compliance_frameworks": self.scope.frameworks,
            "retention_days": self.scope.retention_days,
            "catalog": self.overlay,
            "namespace": self.namespace,
        }
