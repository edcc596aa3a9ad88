"""Where and how an unchanged server is recorded."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Options(NamedTuple):
    """The arguments of the handler: where, and the others by name.

    `inside` are further variables of the server, by the path of the pipe through which a hook in it
    reports; None for a server without a hook.
    """

    directory: Path
    settings: Mapping[str, Any]
    inside: Callable[[Path], Mapping[str, str]] | None = None
