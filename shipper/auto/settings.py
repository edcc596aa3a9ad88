"""What the record of a server is, as its environment says; the hook in the server reads it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Where the segments go. The launcher sets it; without it the hook does nothing.
DIRECTORY = "MCP_SHIPPER_DIRECTORY"
#: The pipe to the recorder of `wrap --python`, which then makes the record.
INSIDE = "MCP_SHIPPER_INSIDE"
_LEVEL = "MCP_SHIPPER_AUDIT_LEVEL"
_FRAMEWORKS = "MCP_SHIPPER_FRAMEWORKS"
_SERVICE = "MCP_SHIPPER_SERVICE"
_CATALOG = "MCP_SHIPPER_CATALOG"


def is_wrapped(environ: Mapping[str, str]) -> bool:
    """Whether a recorder beside the server records it, and the hook only reports to it."""
    return bool(environ.get(INSIDE))


def environment(
    directory: str | None,
    level: str | None,
    frameworks: str | None,
    service: str | None,
    catalog: str | None = None,
) -> dict[str, str]:
    """The variables that say so; what is not given stays as it is."""
    given = {DIRECTORY: directory, _LEVEL: level, _FRAMEWORKS: frameworks, _SERVICE: service}
    given[_CATALOG] = catalog and str(Path(catalog).absolute())
    return {name: value for name, value in given.items() if value}


def options(environ: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of `AuditHandler` except the directory, by the variables.

    Raises `BadInput` for a catalog that is not valid.
    """
    frameworks = environ.get(_FRAMEWORKS, "").replace(",", " ").split()
    service = {"name": environ[_SERVICE]} if environ.get(_SERVICE) else {}
    level = environ.get(_LEVEL) or "standard"
    settings = {"audit_level": level, "compliance_frameworks": frameworks, "service": service}
    return settings | ({"catalog": _overlay(environ[_CATALOG])} if environ.get(_CATALOG) else {})


def check(environ: Mapping[str, str]) -> None:
    """Raise `BadInput` for settings that are not valid."""
    from shipper.catalog import builtin, overlaid
    from shipper.record.settings import Settings

    settings = options(environ)
    overlay = settings.pop("catalog", None)
    Settings(**settings).check(overlaid(overlay) if overlay else builtin())


def _overlay(path: str) -> Mapping[str, object]:
    from shipper.catalog.file import overlay_in  # PyYAML takes 10 ms, and few servers have a file

    return overlay_in(Path(path))
