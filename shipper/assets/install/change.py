"""The changes that `setup` makes, and how an installed object differs from the generated one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MAX_DIFFERENCES = 3
_MAX_VALUE = 60  # characters of one value in a list of differences
_OBJECT = "{...}"


class Effect(StrEnum):
    """What happened to one object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    UNAVAILABLE = "unavailable"  # the server does not support objects of this kind
    REMOVED = "removed"
    KEPT = "kept"  # in use by data that is still there
    FAILED = "failed"  # refused by the server; the detail says why


@dataclass(frozen=True, slots=True)
class Change:
    """One object and what happened to it, or what would on a dry run."""

    kind: str
    name: str
    effect: Effect
    detail: str = ""


def differences(
    generated: Mapping[str, Any], installed: Mapping[str, Any], *, ignore_additions: bool = False
) -> list[str]:
    """The places where the installed object differs from the generated one, a line for each.

    Top-level members that only the installed object has come from the server, and are ignored.
    `ignore_additions` ignores such members at any depth: Elasticsearch returns a body as it was
    put, but Kibana adds defaults everywhere.
    """
    wanted = dict(_flat(generated))
    found = dict(_flat({key: installed[key] for key in generated if key in installed}))
    paths = {path for path, value in wanted.items() if found.get(path) != value}
    if not ignore_additions:
        paths |= {path for path in found.keys() - wanted.keys() if found[path] != "false"}
    return [
        f"{path}: {_short(found.get(path))} -> {_short(wanted.get(path))}"
        for path in sorted(paths, key=lambda path: ("_meta" in path, path))
        if path.rpartition(".")[0] not in paths  # the object around it is in the list already
    ]


def summary(found: list[str]) -> str:
    """The first differences, and how many more there are."""
    more = f" and {len(found) - _MAX_DIFFERENCES} more" if len(found) > _MAX_DIFFERENCES else ""
    return ", ".join(found[:_MAX_DIFFERENCES]) + more


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every node by its path; values as text, as the server returns settings as text."""
    if isinstance(value, Mapping):
        yield path, _OBJECT
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else name)
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _short(value: str | None) -> str:
    """A value on one line; only the beginning of a long one, such as a script."""
    if value is None:
        return "absent"
    line = " ".join(value.split())
    return line if len(line) <= _MAX_VALUE else f"{line[:_MAX_VALUE]}…"
