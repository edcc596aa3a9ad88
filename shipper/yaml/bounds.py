"""Bounds of a YAML text, checked before a tree is built of it.

An alias stands for all that its anchor holds, so that a few lines may mean a tree of any size. The
events of the parser are read one after the other, without recursion.
"""

from typing import Any

import yaml

from shipper.errors import ConfigError, Problem
from shipper.yaml.node import MAX_DEPTH

#: Far more than any configuration or catalog has.
MAX_BYTES = 4 << 20
_MAX_NODES = 200_000


def check_bounds(text: str, file: str, loader: Any) -> None:
    """Raise `ConfigError` if the text is too large, nests too deep, or contains itself."""
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem(file, f"is larger than {MAX_BYTES >> 20} MiB")])
    _Walk(file).along(yaml.parse(text, Loader=loader))


class _Walk:
    def __init__(self, file: str) -> None:
        self._file = file
        #: Of each anchor that is complete, how many nodes it stands for.
        self._sizes: dict[str, int] = {}
        #: The anchor, if any, and the number of nodes before each collection that is open.
        self._open: list[tuple[str | None, int]] = []
        self._count = 0

    def along(self, events: Any) -> None:
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                self._enter(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, before = self._open.pop()
                if anchor is not None:
                    self._sizes[anchor] = self._count - before

    def _enter(self, event: yaml.NodeEvent) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in {anchor for anchor, _ in self._open}:
                self._fail(event, "contains itself")
            self._count += self._sizes.get(event.anchor or "", 1)
        else:
            self._count += 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self._count - 1))
        elif event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            self._sizes[event.anchor] = 1
        if len(self._open) > MAX_DEPTH:
            self._fail(event, f"is nested more than {MAX_DEPTH} levels deep")
        if self._count > _MAX_NODES:
            self._fail(event, f"stands for more than {_MAX_NODES} values, with its aliases")

    def _fail(self, event: yaml.NodeEvent, what: str) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        raise ConfigError([Problem(f"{self._file}:{line}", what)])
