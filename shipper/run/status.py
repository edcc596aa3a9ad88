"""How far every output is: from the registries, and from the endpoint of a running shipper."""

import json
import os
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shipper.config import Config
from shipper.config.operation import HttpConfig
from shipper.follow.discover import scan
from shipper.follow.registry import Position, read_positions, registry_path

#: A local process answers at once, or does not run.
_ASK_TIMEOUT_S = 2.0
_UNIX = "unix://"


class FileStatus(Struct, frozen=True):
    """How far one output is with one file."""

    output: str
    path: str
    #: None when the file is gone; of an archive that is not begun, before it is unpacked.
    size: int | None
    #: None where nothing of it is acknowledged yet.
    position: Position | None = None

    @property
    def offset(self) -> int:
        """Up to where it is acknowledged."""
        return self.position.offset if self.position else 0

    @property
    def behind(self) -> int:
        """Bytes that are there and not acknowledged."""
        return max((self.size or 0) - self.offset, 0)

    @property
    def is_shipped(self) -> bool:
        """Whether the file is there, and all of it acknowledged."""
        return self.size is not None and self.offset >= self.size

    def plain(self) -> dict[str, object]:
        """For whoever reads JSON."""
        known: dict[str, object] = {}
        if at := self.position:
            known = {**msgspec.structs.asdict(at), "head": at.head.hex(), "tail": at.tail.hex()}
        told = {"output": self.output, "path": self.path, "size": self.size}
        return {**known, **told, "offset": self.offset, "behind": self.behind}


class OutputStatus(Struct, frozen=True, kw_only=True):
    """How one output is; what only a running shipper can tell is None without its endpoint."""

    output: str
    #: As the endpoint says, else `running` or `stopped`.
    state: str
    error: str
    files: int
    behind_bytes: int
    dead_letters_bytes: int
    oldest_unacknowledged_s: float | None
    delivered: int | None
    rejected: int | None


def file_status(config: Config) -> Iterator[FileStatus]:
    """Where each output stands with each file that it has a position in, or will have one."""
    files = {found.path: found.size for found in scan(config.inputs)}
    for name in config.outputs:
        known = set()
        for one in read_positions(registry_path(config.data, name)):
            known.add(one.path)
            size = files[one.path] if one.path in files else _size(one.path)
            yield FileStatus(name, one.path, size and (one.unpacked_bytes or size), one)
        yield from (FileStatus(name, path, files[path]) for path in files if path not in known)


def output_status(config: Config) -> list[OutputStatus]:
    """How each output is now."""
    told = _ask(config.operation.http).get("outputs", {})
    rows = list(file_status(config))
    return [
        _output_status(config, name, [row for row in rows if row.output == name], told.get(name))
        for name in config.outputs
    ]


def _output_status(
    config: Config, name: str, rows: list[FileStatus], told: Mapping[str, Any] | None
) -> OutputStatus:
    letters = (config.data / "dead-letters").glob(f"{name}.*ndjson")
    is_running = _is_held(registry_path(config.data, name))
    said = told or {"state": "running" if is_running else "stopped"}
    is_well = said["state"] in {"idle", "delivering"}
    return OutputStatus(
        output=name,
        state=said["state"],
        error="" if is_well else said.get("last_error", ""),
        files=sum(row.size is not None for row in rows),
        behind_bytes=sum(row.behind for row in rows),
        dead_letters_bytes=sum(_size(str(one)) or 0 for one in letters),
        oldest_unacknowledged_s=said.get("oldest_unacknowledged_s"),
        delivered=said.get("delivered"),
        rejected=said.get("rejected"),
    )


def settled_files(config: Config, paths: Collection[Path]) -> Collection[Path]:
    """Those of the files that every output has whole."""
    left = {str(path): path for path in paths}
    for name in config.outputs if left else ():
        positions = read_positions(registry_path(config.data, name))
        offsets = {position.path: position.offset for position in positions}
        left = {
            text: path for text, path in left.items() if offsets.get(text, 0) >= (_size(text) or 0)
        }
    return left.values()


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


def _ask(http: HttpConfig) -> dict[str, Any]:
    """What the endpoint's /stats says; nothing where none answers."""
    if not http.enabled:
        return {}
    from http.client import HTTPConnection, HTTPException  # `run` needs none

    connection = HTTPConnection(http.host, http.port, timeout=_ASK_TIMEOUT_S)
    try:
        if http.host.startswith(_UNIX):
            connection = HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(_ASK_TIMEOUT_S)
            connection.sock.connect(http.host.removeprefix(_UNIX))
        with closing(connection):
            connection.request("GET", "/stats")
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
    except (OSError, HTTPException, ValueError):
        return {}
    return answer


def _is_held(path: Path) -> bool:
    """Whether a process holds the lock of a registry; taking it to see would stop one's start."""
    try:
        status = path.with_name(path.name + ".lock").stat()
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(device in line.split() for line in locks.splitlines() if "FLOCK" in line)
