"""MCP servers that others wrote, and run over stdio: the reference servers of npm and PyPI."""

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
_FETCH_TIMEOUT_S = 300


def npm_servers() -> Path:
    """The folder of the commands of npm's reference servers."""
    return cached("mcp-servers-npm-2026.8.31", _from_npm) / "node_modules/.bin"


def python_servers() -> Path:
    """The Python that has PyPI's reference servers, to be run as `-m mcp_server_git`."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return cached(f"mcp-servers-pypi-{version}", _from_pypi) / "bin/python"


def _from_npm(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Missing("npm's reference servers are fetched with npm; install it (npm)")
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _fetch([npm, "install", *options, f"--prefix={folder}", *_NPM])


def _from_pypi(folder: Path) -> None:
    _fetch([sys.executable, "-m", "venv", folder])

    _fetch([folder / "bin/python", "-m", "pip", "install", "-q", *_PYPI])


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
        raise Missing(f"reference servers could not be fetched: …{got.stderr[-200:]}")
