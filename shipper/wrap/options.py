"""Where and how an unchanged server is recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Options(NamedTuple):
    """The arguments of the handler: where, and the others by name."""

    directory: Path
    settings: Mapping[str, Any]
