"""The configuration of the alerts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct, field

from shipper.bounds import INNER, Count
from shipper.outputs.config import OutputConfig


class BlockConfig(Struct, frozen=True, kw_only=True):
    """Which alerts block calls, for applications that ask."""

    #: Names of alerts.
    rules: tuple[str, ...]
    #: How long, from the last event of the alert.
    minutes: Count = 15
    #: The file; `blocks.json` in `path.data` if none is named.
    file: str | None = None


class AlertsConfig(OutputConfig, Struct, frozen=True, kw_only=True):
    """Which rules run, and what they need."""

    #: Names of alerts; all, if it is empty.
    rules: tuple[str, ...] = ()
    #: All alerts by name, the operator's included; the shipped ones, if it is None.
    alerts: Annotated[Mapping[str, Any] | None, INNER] = None
    #: Which of them block calls.
    block: Annotated[BlockConfig | None, INNER] = None
    #: Lines taken at once.
    bulk_max_size: Count = 2048
    #: The file of what rules remember.
    journal: Annotated[Path, INNER] = Path("alerts.ndjson")
    #: Where alerts are recorded, and how.
    audit: Annotated[Path, INNER] = Path("audit")
    recording: Annotated[Mapping[str, Any], INNER] = field(default_factory=dict)
