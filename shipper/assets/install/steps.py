"""What setup did, or on a dry run would do: a step for each thing, and what differs in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MAX_CHANGES = 3
_MAX_VALUE = 60  # characters of one value in a list of changes
_OBJECT = "{...}"


class Part(StrEnum):
    """What setup can be told to install, each by a switch of its own."""

    INDEX_MANAGEMENT = "index-management"
    PIPELINES = "pipelines"
    KIBANA = "kibana"
    RULES = "rules"
    ROLES = "roles"


#: Without a switch. Who may read and write is never changed unasked.
USUAL = (Part.INDEX_MANAGEMENT, Part.PIPELINES, Part.KIBANA, Part.RULES)


class Action(StrEnum):
    """What became of one thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNAVAILABLE = "unavailable"  # the cluster does not have the like
    REMOVED = "removed"
    KEPT = "kept"  # in use by data that is still there
    FAILED = "failed"  # refused by the server; the detail says why


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or on a dry run to be done."""

    kind: str
    name: str
    action: Action
    detail: str = ""


def changes(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Where what is installed differs from ours; what only the server knows of does not count."""
    return _differing(ours, {key: theirs[key] for key in ours if key in theirs}, keep=False)


def missing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The same for what a server completes: whatever it has beside ours, at any depth, is its own.

    Elasticsearch gives a body back as it was put; Kibana adds defaults everywhere.
    """
    return _differing(ours, theirs, keep=True)


def summary(found: list[str]) -> str:
    """The first changes, and how many more there are."""
    more = f" and {len(found) - _MAX_CHANGES} more" if len(found) > _MAX_CHANGES else ""
    return ", ".join(found[:_MAX_CHANGES]) + more


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any], *, keep: bool) -> list[str]:
    wanted, found = dict(_flat(ours)), dict(_flat(theirs))
    paths = {path for path, value in wanted.items() if found.get(path) != value}
    if not keep:
        paths |= {path for path in found.keys() - wanted.keys() if found[path] != "false"}
    return [
        f"{path}: {_short(found.get(path))} -> {_short(wanted.get(path))}"
        for path in sorted(paths, key=lambda path: ("_meta" in path, path))
        if path.rpartition(".")[0] not in paths  # said of the whole already
    ]


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every node by its path; values as text, for the server gives settings back as text."""
    if isinstance(value, Mapping):
        yield path, _OBJECT
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else name)
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _short(value: str | None) -> str:
    """One line of a value: a script is named by its beginning."""
    if value is None:
        return "absent"
    line = " ".join(value.split())
    return line if len(line) <= _MAX_VALUE else f"{line[:_MAX_VALUE]}…"
