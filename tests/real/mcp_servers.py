"""MCP servers that others wrote, and run over stdio: the reference servers, and popular ones."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.real import Missing
from tests.real.cache import cached

_NPM = (
    "@modelcontextprotocol/server-everything@2026.8.31",
    "@modelcontextprotocol/server-filesystem@2026.8.31",
    "@modelcontextprotocol/server-memory@2026.8.31",
    "@modelcontextprotocol/server-sequential-thinking@2026.8.31",
)
_PYPI = ("mcp-server-git", "mcp-server-time", "mcp-server-fetch")
#: Of others, by SDK: mcp 2.3, mcp 1.30, FastMCP 4; each needs an environment of its own.
_OTHERS = ("excel-mcp-server==2.2.2", "mcp-server-calculator==0.2.1", "wikipedia-mcp==2.0.1")
_OTHERS += ("duckduckgo-mcp-server==0.7.0", "mcp-server-sqlite==2025.4.25")
#: A server that has no upper bound, and does not start on a later SDK.
_OLD = {"mcp-server-sqlite==2025.4.25": ("mcp<2",)}
_NPM_OTHERS = ("@upstash/context7-mcp@4.1.1", "@notionhq/notion-mcp-server@2.5.2")
_FETCH_TIMEOUT_S = 600


def npm_servers() -> Path:
    """The folder of the commands of npm's reference servers."""
    return cached("mcp-servers-npm-2026.8.31", _from_npm) / "node_modules/.bin"


def python_servers() -> Path:
    """The Python that has PyPI's reference servers, to be run as `-m mcp_server_git`."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cached(f"mcp-servers-pypi-{version}", _from_pypi) / "bin/python"


def other_npm_servers() -> Path:
    """The folder of the commands of popular servers of npm."""
    return cached("mcp-servers-npm-others", lambda at: _from_npm(at, _NPM_OTHERS)) / (
        "node_modules/.bin"
    )


def other_python_server(name: str) -> Path:
    """The Python that has a popular server of PyPI; scripts have the path of another folder."""
    wanted = next(one for one in _OTHERS if one.startswith(f"{name}=="))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    all_wanted = (wanted, *_OLD.get(wanted, ()))
    home = cached(f"mcp-server-{wanted}-{version}", lambda at: _from_pypi(at, all_wanted))
    return home / "bin/python"


def _from_npm(folder: Path, wanted: tuple[str, ...] = _NPM) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("npm's reference servers are fetched with npm; install it (npm)")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _fetch([npm, "install", *options, f"--prefix={folder}", *wanted])


def _from_pypi(folder: Path, wanted: tuple[str, ...] = _PYPI) -> None:
    _fetch([sys.executable, "-m", "venv", folder])
    _fetch([folder / "bin/python", "-m", "pip", "install", "-q", *wanted])


def _fetch(command: list[str | Path]) -> None:
    got = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_FETCH_TIMEOUT_S,
        check=False,
    )
    if got.returncode:
        raise Missing(f"MCP servers could not be fetched: …{got.stderr[-200:]}")
