"""What is fetched or built once, and kept in a folder outside the work tree."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """The cache entry `name`, made by `build(folder)` where it is not there yet.

    An entry appears whole or not at all, and only one process at a time builds.
    """
    root = cache_root()
    entry = root / name
    root.mkdir(parents=True, exist_ok=True)
    with _lock(root / ".lock"):
        if not entry.exists():
            _build(entry, build)
    return entry


def cache_root() -> Path:
    """`$MCP_SHIPPER_CACHE`, or a folder of the user's; root's is where `nobody` can read too."""
    home = Path("/var/cache" if os.geteuid() == 0 else Path.home() / ".cache")
    return Path(os.environ.get("MCP_SHIPPER_CACHE") or home / "mcp-shipper")


def source_hash(folder: Path) -> str:
    """A short name for the content of every file under `folder`."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(entry: Path, build: Callable[[Path], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f"{entry.name}.", dir=entry.parent))
    try:
        build(folder)
        _let_everyone_read(folder)
        folder.rename(entry)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _let_everyone_read(folder: Path) -> None:
    """Servers that refuse to run as root run as `nobody`."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
