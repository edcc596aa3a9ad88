"""The stacks that are served, and an environment for each, kept outside the work tree.

Each has the named release of an SDK or framework, and the newest of all else that works with it.
"""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

from msgspec import Struct

from tests.real import Missing
from tests.real.cache import cached

ROOT = Path(__file__).parent.parent.parent
_UV = "uv==0.13.9"
LEGACY, MODERN = "legacy", "2026-07-28"


class Stack(Struct, frozen=True):
    """A stack by its name in tables, the kind of server in `shop`, and what to install."""

    name: str
    kind: str
    requires: tuple[str, ...]
    eras: tuple[str, ...] = (LEGACY,)
    transports: tuple[str, ...] = ("memory", "stdio", "http", "sse")

    def combinations(self) -> list[tuple[str, str]]:
        """Transport and era of each pair that exists: SSE ended with the old era."""
        return [
            (transport, era)
            for era in self.eras
            for transport in self.transports
            if era == LEGACY or transport != "sse"
        ]


_OLD, _NEW = "mcp==1.30.0", "mcp==2.3.0"
_BOTH = (LEGACY, MODERN)
STACKS = (
    Stack("mcp-1.20", "sdk1", ("mcp==1.20.0", "pydantic<2.12")),
    Stack("mcp-1.30", "sdk1", (_OLD,)),
    Stack("mcp-1.30-low", "low1", (_OLD,)),
    Stack("fastmcp-2.14", "fast", ("fastmcp==2.14.7", _OLD)),
    Stack("fastmcp-3.4", "fast", ("fastmcp==3.4.11", _OLD)),
    Stack("fastapi-mcp-0.4", "fastapi", ("fastapi-mcp==0.4.0", _OLD)),
    Stack("mcp-2.3", "sdk2", (_NEW,), _BOTH),
    Stack("mcp-2.3-low", "low2", (_NEW,), _BOTH, ("memory", "stdio")),
    Stack("fastmcp-4.2", "fast", ("fastmcp==4.2.3", _NEW), _BOTH),
)


def python_of(stack: Stack) -> Path:
    """The interpreter of a stack's environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = (*stack.requires, *project["dependencies"])
    version = "{}.{}".format(*sys.version_info)
    digest = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    home = cached(f"stack-{stack.name}-{version}-{digest}", lambda at: _make(at, wanted))
    return home / "bin" / "python"


def _make(folder: Path, wanted: tuple[str, ...]) -> None:
    uv = str(folder.parent / _UV / "bin" / "uv")
    _run(uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder))
    _run(uv, "pip", "install", "-q", "--python", str(folder / "bin" / "python"), *wanted)


def make_ready() -> None:
    """Fetch the maker of environments; `Missing` if the registry has nothing for us."""
    cached(_UV, _make_uv)


def _make_uv(folder: Path) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    _run(str(folder / "bin" / "pip"), "install", "-q", _UV)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command[:4])}: {done.stderr.strip()[-300:]}")
