"""Where files live when no path is configured."""

import os
from pathlib import Path


def default_home() -> Path:
    """The product's own folder: root's is the system's, any other user's is in their home."""
    if os.geteuid() == 0:
        return Path("/var/lib/mcp-shipper")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "mcp-shipper"


def default_record() -> Path:
    """Where servers record that are started by `mcp-shipper wrap` and the like."""
    return default_home() / "audit"
