"""The catalog of event types, fields and frameworks, defined in one place: `catalog.yml`."""

from shipper.catalog.load import builtin, overlaid
from shipper.catalog.model import (
    AuditLevel,
    Catalog,
    Classification,
    EventType,
    Field,
    Framework,
    IndexStrategy,
    MCPEventType,
    Scope,
    Sensitivity,
)

__all__ = [
    "AuditLevel",
    "Catalog",
    "Classification",
    "EventType",
    "Field",
    "Framework",
    "IndexStrategy",
    "MCPEventType",
    "Scope",
    "Sensitivity",
    "builtin",
    "overlaid",
]
