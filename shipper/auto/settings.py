"""What the record of a server is, as its environment says; the hook in the server reads it."""

from collections.abc import Mapping
from typing import Any

#: Where the segments go. The launcher sets it; without it the hook does nothing.
DIRECTORY = "MCP_SHIPPER_DIRECTORY"
_LEVEL = "MCP_SHIPPER_AUDIT_LEVEL"
_FRAMEWORKS = "MCP_SHIPPER_FRAMEWORKS"
_SERVICE = "MCP_SHIPPER_SERVICE"


def environment(
    directory: str | None, level: str | None, frameworks: str | None, service: str | None
) -> dict[str, str]:
    """The variables that say so; what is not given stays as it is."""
    given = {DIRECTORY: directory, _LEVEL: level, _FRAMEWORKS: frameworks, _SERVICE: service}
    return {name: value for name, value in given.items() if value}


def options(environ: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `AuditHandler` except the directory, by the variables."""
    frameworks = environ.get(_FRAMEWORKS, "").replace(",", " ").split()
    service = {"name": environ[_SERVICE]} if environ.get(_SERVICE) else {}
    level = environ.get(_LEVEL) or "standard"
    return {"audit_level": level, "compliance_frameworks": frameworks, "service": service}
