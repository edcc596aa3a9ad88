"""Decodes the fields of an event that rules ask for, and skips the rest."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any

import msgspec

#: A line does not have the shape of an event.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Getter = Callable[[Any], Any]
#: A field of the tree below a path: a leaf is None.
_Tree = dict[str, "_Tree | None"]
#: Fields that a line of an audit stream always has, with what stands for a missing one.
_TYPED: Mapping[str, tuple[type, object]] = {
    "event.sequence": (int, 0),
    "event.id": (str, ""),
    "@timestamp": (str, ""),
    "mcp.audit.stream.id": (str, ""),
}


class Reading:
    """Reads events as objects that have only the wanted fields; a missing one is None."""

    def __init__(self, paths: Iterable[str]) -> None:
        tree: _Tree = {}
        for path in paths:
            _add(tree, path.split("."))
        #: The same as `event` that raises one of `UNREADABLE`.
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(_struct("", tree)).decode

    def event(self, line: bytes) -> Any:
        """The event; None if the line does not have the shape of one."""
        try:
            return self.decode(line)
        except UNREADABLE:
            return None


def getter(*paths: str) -> Getter:
    """What reads the field of an event; of several fields, a tuple in one step."""
    return attrgetter(*(".".join(map(_attribute, path.split("."))) for path in paths))


def _add(tree: _Tree, parts: list[str]) -> None:
    name, *rest = parts
    inner = tree.setdefault(name, {} if rest else None)
    if rest and inner is not None:
        _add(inner, rest)


def _struct(path: str, tree: Mapping[str, Any]) -> Any:
    """A Struct type whose missing members have empty values, so that every path can be read."""
    fields: list[tuple[str, Any, Any]] = []
    names = {}
    for key, inner in tree.items():
        names[_attribute(key)] = key
        if inner is None:
            fields.append((_attribute(key), *_TYPED.get(f"{path}{key}", (Any, None))))
        else:
            kind = _struct(f"{path}{key}.", inner)
            fields.append((_attribute(key), kind, kind()))
    return msgspec.defstruct("Event", fields, rename=names, frozen=True, gc=False)


def _attribute(key: str) -> str:
    """The key as a name in Python: `@timestamp` is none."""
    return "f_" + "".join(sign if sign.isalnum() else "_" for sign in key)
