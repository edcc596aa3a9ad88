"""How far every output is with every file, read from the registries; needs no running shipper."""

from dataclasses import dataclass
from pathlib import Path

from shipper.config import Config
from shipper.deliver.discover import scan
from shipper.deliver.registry import read_positions


@dataclass(frozen=True, slots=True)
class FileStatus:
    """How far one output is with one file."""

    output: str
    path: str
    offset: int
    #: None when the file is gone.
    size: int | None

    @property
    def behind(self) -> int:
        """Bytes that are there and not acknowledged."""
        return max((self.size or 0) - self.offset, 0)

    @property
    def is_shipped(self) -> bool:
        """Whether the file is there, and all of it acknowledged."""
        return self.size is not None and self.offset >= self.size


def file_status(config: Config) -> list[FileStatus]:
    """Where each output stands with each file that it has a position in, or will have one."""
    files = {found.path: found.size for found in scan(config.inputs)}
    rows = []
    for name in config.outputs:
        positions = read_positions(config.data / "registry" / f"{name}.ndjson")
        rows += [FileStatus(name, one.path, one.offset, _size(one.path)) for one in positions]
        known = {position.path for position in positions}
        rows += [FileStatus(name, path, 0, files[path]) for path in files if path not in known]
    return rows


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None
