"""The progress of every output, from its registry and the endpoint of a running shipper."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shipper.config import Config
from shipper.config.operation import HttpConfig
from shipper.deliver.accounting import account_now
from shipper.deliver.dead_letters import dead_letters_folder
from shipper.follow.account import Account
from shipper.follow.discover import scan
from shipper.follow.registry import (
    Position,
    id_key,
    read_positions,
    registry_path,
)
from shipper.shown import as_text


class FileStatus(Struct, frozen=True):
    """The progress of one output in one file."""

    output: str
    path: str
    #: None if the file is gone; the compressed size of an archive that is not started.
    size: int | None
    #: None before the first acknowledgement.
    position: Position | None = None

    @property
    def offset(self) -> int:
        """The end of the acknowledged bytes."""
        return self.position.offset if self.position else 0

    @property
    def behind(self) -> int:
        """Bytes in the file that are not acknowledged."""
        return max((self.size or 0) - self.offset, 0)

    @property
    def is_shipped(self) -> bool:
        """Whether the file exists and is acknowledged completely."""
        return self.size is not None and self.offset >= self.size

    def plain(self) -> dict[str, object]:
        """As one JSON object."""
        known: dict[str, object] = {}
        if at := self.position:
            prints = {"head": at.head.hex(), "tail": at.tail.hex(), "key": id_key(at.key)}
            known = {**msgspec.structs.asdict(at), **prints}
            del known["path_bytes"]
        file = {"output": self.output, "path": as_text(self.path), "size": self.size}
        return {**known, **file, "offset": self.offset, "behind": self.behind}


class OutputStatus(Struct, frozen=True, kw_only=True):
    """The state of one output; members that only the endpoint reports are None without it."""

    output: str
    #: The state at the endpoint, or `running` or `stopped` without it.
    state: str
    error: str
    files: int
    behind_bytes: int
    dead_letters_bytes: int
    oldest_unacknowledged_s: float | None
    delivered: int | None
    rejected: int | None
    #: Every line of the inputs' files: what became of it, or that it waits.
    account: Account = Account()

    def plain(self) -> dict[str, object]:
        """As one JSON object."""
        known = {**msgspec.structs.asdict(self), "account": self.account.plain()}
        return known | {"delivery_success_rate": self.account.delivery_success_rate}


def self_audit_prefix(config: Config) -> str:
    """The beginning of the paths of all segments of the self-audit."""
    directory = os.path.abspath(config.data / "audit")  # noqa: PTH100 - as followed files are named
    return f"{directory}/"


def file_status(config: Config) -> Iterator[FileStatus]:
    """The progress of each output in each file that has a position or is found by an input."""
    files = {found.path: found.size for found in scan(config.inputs)}
    for name in config.outputs:
        known = set()
        for one in read_positions(registry_path(config.data, name)):
            known.add(one.path)
            size = files[one.path] if one.path in files else _size(one.path)
            yield FileStatus(name, one.path, size and (one.unpacked_bytes or size), one)
        yield from (FileStatus(name, path, files[path]) for path in files if path not in known)


def output_status(config: Config) -> list[OutputStatus]:
    """The present state of each output."""
    reported = _stats(config.operation.http).get("outputs", {})
    # The shipper's last event about itself waits for the next start, and is no backlog.
    prefix = self_audit_prefix(config)
    rows = [row for row in file_status(config) if not row.path.startswith(prefix)]
    return [
        _output_status(
            config, name, [row for row in rows if row.output == name], reported.get(name)
        )
        for name in config.outputs
    ]


def _output_status(
    config: Config, name: str, rows: list[FileStatus], reported: Mapping[str, Any] | None
) -> OutputStatus:
    dead_letters = dead_letters_folder(config.data).glob(f"{name}.*ndjson")
    registry = registry_path(config.data, name)
    is_running = is_locked(registry.with_name(registry.name + ".lock"))
    found = reported or {"state": "running" if is_running else "stopped"}
    is_well = found["state"] in {"idle", "delivering"}
    held = f"{found['held']} files wait: {found['held_reason']}" if found.get("held") else ""
    return OutputStatus(
        output=name,
        state=found["state"],
        error=held if is_well else found.get("last_error", ""),
        files=sum(row.size is not None for row in rows),
        behind_bytes=sum(row.behind for row in rows),
        dead_letters_bytes=sum(_size(str(one)) or 0 for one in dead_letters),
        oldest_unacknowledged_s=found.get("oldest_unacknowledged_s"),
        delivered=found.get("delivered"),
        rejected=found.get("rejected"),
        account=account_now(config.inputs, registry_path(config.data, name)),
    )


def settled_files(config: Config, paths: Collection[Path]) -> Collection[Path]:
    """The files that every output has acknowledged completely."""
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


def _stats(http: HttpConfig) -> dict[str, Any]:
    """The answer to /stats; empty if the endpoint is disabled or does not answer."""
    from shipper.run.probe import ask  # `run` does without an HTTP client

    answer = ask(http, "/stats") if http.enabled else None
    try:
        stats = json.loads(answer[1]) if answer else {}
    except ValueError:  # something else listens there
        return {}
    return stats if isinstance(stats, dict) else {}


def is_locked(lock: Path) -> bool:
    """Whether a process holds the lock; a trial lock could make a start fail."""
    try:
        status = lock.stat()
        locks = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(device in line.split() for line in locks.splitlines() if "FLOCK" in line)
