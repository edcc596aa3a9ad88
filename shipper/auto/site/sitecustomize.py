"""Runs in each Python that starts with this folder on PYTHONPATH, before its program.

The shipper may not be installed for that Python. It then comes from where the launcher has it, if
that was installed for the same version, and after all that the program has itself.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to load
#: The packages that recording needs.
_NEEDED = {"shipper", "msgspec", "yaml", "_yaml"}


class _Launchers:
    """Finds the needed packages where the launcher has them, when nobody else does."""

    def __init__(self, paths: "list[str]") -> None:
        self._paths = paths

    def find_spec(self, name: str, path: object = None, target: Any = None) -> Any:
        if path is None and name in _NEEDED:
            return PathFinder.find_spec(name, self._paths, target)
        return None


def _hook() -> None:
    if not {"MCP_SHIPPER_DIRECTORY", "MCP_SHIPPER_INSIDE"} & os.environ.keys():
        return
    if os.environ.get("MCP_SHIPPER_PYTHON") == sys.implementation.cache_tag:
        paths = os.environ.get("MCP_SHIPPER_PATH", "").split(os.pathsep)
        launchers: Any = _Launchers(paths)
        sys.meta_path.append(launchers)
    try:
        from shipper.auto.hook import install
    except Exception as error:  # noqa: BLE001 - the program runs, with or without a record
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"mcp-shipper: this Python is not recorded: {reason}\n")
        return
    install()


def _pass_on() -> None:
    """Run the `sitecustomize` that this one hides."""
    others = [place for place in sys.path if os.path.abspath(place or ".") != _HERE]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


_hook()
_pass_on()
