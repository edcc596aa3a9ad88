"""Starting a command so that the Python servers in it are recorded."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from shipper.auto.settings import DIRECTORY, check
from shipper.errors import ShipperError
from shipper.home import default_record

_SITE = Path(__file__).parent / "site"
#: What recording needs beside the shipper itself.
_NEEDED = ("msgspec", "yaml")


def run(command: Sequence[str], given: Mapping[str, str]) -> NoReturn:
    """Become the command, with the hook in each Python that it starts.

    `given` are variables of the record; the others come from the environment, the directory at
    last from `default_record()`. Raises `BadInput` for settings that are not valid, `ShipperError`
    if the command cannot start.
    """
    about = {DIRECTORY: str(default_record()), **os.environ, **given}
    about[DIRECTORY] = str(Path(about[DIRECTORY]).absolute())
    check(about)
    try:
        os.execvpe(command[0], list(command), with_hook(about))  # noqa: S606 - a command needs none
    except OSError as error:
        raise ShipperError(f"cannot start {command[0]}: {error.strerror}") from error


def with_hook(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: with the hook on its path, and the shipper where it is."""
    path = [str(_SITE), *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)),
        "MCP_SHIPPER_PATH": os.pathsep.join(_places()),
        "MCP_SHIPPER_PYTHON": str(sys.implementation.cache_tag),
    }


def _places() -> list[str]:
    """The folders that hold the shipper and what it needs."""
    specs = (find_spec(name) for name in _NEEDED)
    origins = [Path(spec.origin) for spec in specs if spec and spec.origin]
    folders = [_SITE.parent.parent.parent, *(origin.parent.parent for origin in origins)]
    return list(dict.fromkeys(map(str, folders)))
