"""The container that a line is from: `add_docker_metadata`, from the runtime's own files.

Docker keeps what it knows of a container in `config.v2.json`, beside the container's log. The
daemon's socket is not asked: who may read that may do everything.
"""

import os
import re
import stat
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shipper.processors.cached import Cached
from shipper.processors.event import Event, find, merged

_ID = re.compile(r"[0-9a-f]{12,64}")
_FILE = "config.v2.json"
_MAX_BYTES = 1 << 20
#: A container's name can change; everything else stays.
_TTL_S = 60.0
_MAX_CONTAINERS = 1024


class Dedot(Struct, frozen=True, kw_only=True):
    """Whether dots in names become `_`; otherwise `app` and `app.name` conflict."""

    dedot: bool = True


class DockerConfig(Struct, frozen=True, kw_only=True):
    """The options of `add_docker_metadata`."""

    labels: Dedot = Dedot()
    #: Whether the container is found by the path of the log.
    match_source: bool = True
    #: Which part of that path is the id: 4 in /var/lib/docker/containers/ID/ID-json.log. By default
    #: the last folder whose name is one.
    match_source_index: int | None = None
    #: Fields that may hold the id.
    match_fields: tuple[str, ...] = ()
    #: Where Docker keeps its containers, for ids in fields.
    containers: str = "/var/lib/docker/containers"


class AddDockerMetadata:
    """Adds `container.*` to events of containers that Docker knows."""

    def __init__(self, config: DockerConfig) -> None:
        self._config = config
        self._known: dict[Path, Cached[Event]] = {}

    def process(self, event: Event) -> Event:
        folder = self._folder(event)
        facts = self._facts(folder) if folder else {}
        return merged(event, facts) if facts else event

    def may_touch(self, line: bytes) -> bool:
        return b"file" in line or bool(self._config.match_fields)

    def _folder(self, event: Event) -> Path | None:
        """Where the container's files are; None for another line."""
        for path in self._config.match_fields:
            name = find(event, path)
            if type(name) is str and _ID.fullmatch(name):
                return Path(self._config.containers) / name
        source = find(event, "log.file.path") if self._config.match_source else None
        if type(source) is not str or not source.startswith("/"):
            return None
        folders = source.split("/")[1:-1]
        if ".." in folders:
            return None
        at = self._config.match_source_index
        wanted = [at] if at is not None else reversed(range(len(folders)))
        found = (n for n in wanted if n < len(folders) and _ID.fullmatch(folders[n]))
        number = next(found, None)
        return None if number is None else Path("/", *folders[: number + 1])

    def _facts(self, folder: Path) -> Event:
        if folder not in self._known:
            while len(self._known) >= _MAX_CONTAINERS:
                del self._known[next(iter(self._known))]
            self._known[folder] = Cached(lambda: _facts(folder, self._config), _TTL_S)
        return self._known[folder]()


def _facts(folder: Path, config: DockerConfig) -> Event:
    """What Docker knows of the container, under the names of ECS; empty for one that is gone."""
    try:
        known = msgspec.json.decode(_read(folder / _FILE), type=_Container)
    except (OSError, msgspec.DecodeError, RecursionError):
        return {}
    labels = known.Config.Labels or {}
    if config.labels.dedot:
        labels = {name.replace(".", "_"): value for name, value in labels.items()}
    container: dict[str, Any] = {
        "id": known.ID or folder.name,
        "name": known.Name.removeprefix("/"),
        "image": {"name": known.Config.Image},
        "labels": labels,
    }
    return {"container": {key: value for key, value in container.items() if value}}


class _Settings(Struct):
    Image: str = ""
    Labels: dict[str, str] | None = None


class _Container(Struct):
    ID: str = ""
    Name: str = ""
    Config: _Settings = msgspec.field(default_factory=_Settings)


def _read(path: Path) -> bytes:
    """The beginning of a regular file; never waits for a pipe, never follows a link."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return file.read(_MAX_BYTES)
