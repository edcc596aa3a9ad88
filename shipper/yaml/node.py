"""A tree of values, each with its place in a file."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shipper.errors import Problem

#: A few words in small letters, or a short number with a unit: nobody uses these as a secret.
_HARMLESS = re.compile(
    r"|[a-z]{1,16}(?:[ _.-][a-z]{1,16}){0,3}|-?[0-9]{1,6}(?:\.[0-9]{1,3})?[a-z%]{0,2}"
)

Scalar = str | int | float | bool | None

#: Far more levels than any configuration has.
MAX_DEPTH: Final = 64


class YamlNode(Struct):
    """A value and its place: a scalar, a list or a mapping of nodes."""

    #: File and line; for a value from code, a name for the object, or an empty text.
    where: str
    #: The keys that lead to it, as in `inputs[0].paths`.
    path: str
    scalar: Scalar = None
    items: list["YamlNode"] | None = None
    children: dict[str, "YamlNode"] | None = None
    #: The variables that its text came from, which may be secret.
    variables: str = ""
    #: A scalar without quotes: after its variables are expanded, its type is determined again.
    is_plain: bool = False
    #: The text of such a scalar, which counts where a text is wanted: the password `007` is no 7.
    written: str | None = None
    #: Why the value cannot be used, whatever it would be; every problem here has this cause.
    fault: str = ""

    @property
    def kind(self) -> str:
        """A description of the value, for messages."""
        if self.children is not None:
            return "a mapping"
        return "a list" if self.items is not None else self.shown

    @property
    def shown(self) -> str:
        """The value as a message shows it, unless it may be a secret."""
        if self.variables:
            return f"the value of {self.variables}"
        if self.scalar is None:
            return "no value"
        if isinstance(self.scalar, bool) or _HARMLESS.fullmatch(str(self.scalar)):
            return f"{self.scalar!r}"
        return "a text" if isinstance(self.scalar, str) else "a number"

    @property
    def is_unset(self) -> bool:
        """Whether the key has no value; as in Filebeat, that is the same as no key."""
        return self.scalar is None and self.items is None and self.children is None

    def problem(self, what: str) -> Problem:
        return Problem(f"{self.where} {self.path}".strip(), self.fault or what)

    def plain(self) -> object:
        """The value as Python objects."""
        if self.children is not None:
            return {key: child.plain() for key, child in self.children.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.scalar

    def at(self, *keys: str) -> "YamlNode":
        """The node that the keys lead to; an unset one with the nearest place if there is none."""
        node = self
        for key in keys:
            found = (node.children or {}).get(key)
            node = found or YamlNode(node.where, inner_path(node.path, key))
        return node

    def over(self, below: "YamlNode | None") -> "YamlNode":
        """This mapping, with the keys of `below` that it does not set itself."""
        if self.children is None:
            return self
        given = {key: child for key, child in self.children.items() if not child.is_unset}
        return replace(self, children={**((below and below.children) or {}), **given})


def inner_path(path: str, key: str) -> str:
    """The path of a key in the mapping at `path`."""
    return f"{path}.{key}" if path else key


def node_of(value: object, where: str, path: str = "", *, depth: int = 0) -> YamlNode:
    """The tree of plain Python objects; `ValueError` where they nest deeper than a file may."""
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep, or contains itself")
    if isinstance(value, Mapping):
        children = {
            str(key): node_of(child, where, inner_path(path, str(key)), depth=depth + 1)
            for key, child in value.items()
        }
        return YamlNode(where, path, children=children)
    if isinstance(value, list | tuple):
        items = [
            node_of(item, where, f"{path}[{at}]", depth=depth + 1) for at, item in enumerate(value)
        ]
        return YamlNode(where, path, items=items)
    return YamlNode(where, path, scalar=value if isinstance(value, Scalar) else str(value))
