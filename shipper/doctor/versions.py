"""The versions in this environment."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from shipper import __version__
from shipper.doctor.finding import Finding, ok, problem, warning

_OLDEST_PYTHON = (3, 11)
#: What captures calls needs at least; see pyproject.toml.
SDKS: Mapping[str, tuple[int, int]] = {"mcp": (1, 20), "fastmcp": (2, 14)}
_FAST = ("ahocorasick-rs", "isal")


def versions() -> Iterator[Finding]:
    """Python, this package, the SDKs, and what makes shipping fast."""
    if sys.version_info < _OLDEST_PYTHON:
        what = f"Python {platform.python_version()} is too old"
        yield problem("python", what, "install Python 3.11 or newer", os.EX_UNAVAILABLE)
    else:
        yield ok("python", f"Python {platform.python_version()}, mcp-shipper {__version__}")
    yield from _of_sdks()
    if missing := [name for name in _FAST if not _version(name)]:
        what = f"not installed: {', '.join(missing)}; shipping takes more CPU time"
        yield warning("python", what, "install mcp-shipper with the extra `fast`")


def _of_sdks() -> Iterator[Finding]:
    found = {name: _version(name) for name in SDKS}
    for name, one in found.items():
        if one and _numbers(one) < SDKS[name]:
            oldest = ".".join(map(str, SDKS[name]))
            what = f"{name} {one} is older than {oldest}: calls may not be recorded"
            yield warning("sdk", what, f"pip install '{name}>={oldest}'")
    there = [f"{name} {one}" for name, one in found.items() if one]
    text = "no MCP SDK is installed in this environment; only an application needs one"
    yield ok("sdk", ", ".join(there) or text)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
