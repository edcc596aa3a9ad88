"""Where and how a server is recorded that nobody changes."""

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """The options of the handler that a command line can give."""

    directory: Path
    audit_level: str = "standard"
    service: str | None = None
