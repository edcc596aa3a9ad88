"""From tree to typed values: every problem noted, none raised until all have been seen."""

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from shipper.bounds import INNER, Bounds
from shipper.config.filebeat import knows_below, verdict
from shipper.config.tree import Node
from shipper.errors import Problem
from shipper.outputs.secret import Secret

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_DURATION = re.compile(r"\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_ZERO_OR_MORE = Bounds(0)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}


class Reader:
    """Reads nodes as what they should be, and notes what they are not."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        #: What is right and yet worth saying: keys that do nothing here, each with the reason.
        self.remarks: list[str] = []

    def note(self, node: Node, what: str) -> None:
        self.problems.append(node.problem(what))

    def children(self, node: Node, known: Iterable[str]) -> dict[str, Node]:
        """The known children of a mapping; each unknown key is a problem that names the nearest.

        A key without a value is left out.
        """
        found = self._known(node, known)
        return {key: child for key, child in found.items() if not child.is_unset}

    def sections(self, node: Node, known: Iterable[str]) -> dict[str, Node]:
        """The same where naming a key says something by itself: without a value it is empty."""
        return {
            key: replace(child, children={}) if child.is_unset else child
            for key, child in self._known(node, known).items()
        }

    def _known(self, node: Node, known: Iterable[str]) -> dict[str, Node]:
        if node.children is None:
            if node.items is not None or node.scalar is not None:
                self.note(node, f"expected a mapping, found {node.kind}")
            return {}
        names = list(known)
        for key, child in node.children.items():
            if key not in names:
                self._judge(child, f"unknown key{_nearest(key, names)}")
        return {key: child for key, child in node.children.items() if key in names}

    def is_foreign(self, node: Node, *, is_named: bool = False) -> bool:
        """Whether it is a key of Filebeat's that is none here; told with the reason, if so.

        Where it `is_named`, as in a list of processors, that alone asks for something.
        """
        found = verdict(node.path)
        if found is None:
            return False
        if found.is_accepted:
            self.remarks.append(str(node.problem(found.why)))
        elif is_named or not _is_off(node):
            self.note(node, found.why)
        return True

    def _judge(self, node: Node, otherwise: str) -> None:
        if self.is_foreign(node):
            return
        if node.children and knows_below(node.path):
            for child in node.children.values():
                self._judge(child, "unknown key")
        else:
            self.note(node, otherwise)

    def rows(self, node: Node) -> dict[str, Node]:
        """The children of a mapping whose keys are the operator's own."""
        return self.children(node, node.children or ())

    def text(self, node: Node) -> str:
        if node.children is not None or node.items is not None or node.scalar is None:
            self.note(node, f"expected text, found {node.kind}")
            return ""
        return str(node.scalar)

    def one_of(self, node: Node, known: Iterable[str]) -> str:
        text, names = self.text(node), list(known)
        if text and text not in names:
            close = _close(text, names)
            self.note(node, f"{text!r} is none of {', '.join(names)}{close}")
        return text

    def texts(self, node: Node) -> tuple[str, ...]:
        """A list of texts; one text alone stands for a list of it."""
        if node.items is None:
            return (self.text(node),)
        return tuple(self.text(item) for item in node.items)

    def whole(self, node: Node, bounds: Bounds = _ZERO_OR_MORE) -> int:
        if isinstance(node.scalar, bool) or not isinstance(node.scalar, int):
            self.note(node, f"expected a whole number, found {node.kind}")
            return 0
        if node.scalar not in bounds:
            self.note(node, f"expected {bounds}, found {node.scalar}")
        return node.scalar

    def truth(self, node: Node) -> bool:
        if not isinstance(node.scalar, bool):
            self.note(node, f"expected true or false, found {node.kind}")
            return False
        return node.scalar

    def seconds(self, node: Node, bounds: Bounds = _ZERO_OR_MORE) -> float:
        """A duration: seconds, or numbers with units, as in `1m30s`."""
        text = str(node.scalar)
        if not _DURATION.fullmatch(text):
            self.note(node, f"expected a duration such as 30s, found {node.kind}")
            return 0.0
        parts = _PART.findall(text)
        found = sum(float(count) * _SECONDS[unit] for count, unit in parts)
        if found not in bounds:
            self.note(node, f"expected {bounds.least * 1000:g}ms or more, found {node.kind}")
        return found

    def into(self, kind: type, node: Node) -> Any:
        """A configuration of some kind: its fields are the keys, less a unit at the end."""
        by_key = {_key(row.name): row for row in fields(kind) if not _is_inner(row.type)}
        values = {
            by_key[key].name: self._typed(child, by_key[key].type, by_key[key].name)
            for key, child in self.children(node, by_key).items()
            if not (child.scalar == "" and _may_be_empty(by_key[key].type))
        }
        for key, row in by_key.items():
            if row.required and row.name not in values:
                self.note(node, f"{key} is required")
                return None
        return kind(**values)

    def _typed(self, node: Node, hint: object, name: str) -> object:
        if name.endswith("_s"):
            return self.seconds(node, *getattr(hint, "__metadata__", ()))
        wanted = _bare(hint)
        if typing.get_origin(wanted) in {tuple, Mapping}:
            return self._collection(node, wanted)
        if typing.get_origin(wanted) is typing.Annotated:
            return self.whole(node, *wanted.__metadata__)
        if typing.get_origin(wanted) is typing.Literal:
            known = typing.get_args(wanted)
            given = self.one_of(node, known)
            return given if given in known else known[0]  # so that something can be made of it
        if isinstance(wanted, type) and issubclass(wanted, Struct):
            return self._section(node, wanted) if wanted is not hint else self.into(wanted, node)
        read = _READERS.get(wanted)
        assert read is not None, f"no reading for {wanted}"
        return read(self, node)

    def _collection(self, node: Node, wanted: object) -> object:
        if typing.get_origin(wanted) is Mapping:
            _, inner = typing.get_args(wanted)
            return {key: self._typed(child, inner, "") for key, child in self.rows(node).items()}
        inner = typing.get_args(wanted)[0]
        if typing.get_origin(inner) is not typing.Literal:
            return self.texts(node)
        items = [node] if node.items is None else node.items
        return tuple(self.one_of(item, typing.get_args(inner)) for item in items)

    def _section(self, node: Node, kind: type) -> object:
        """A section that need not be there, and may be switched off where it is."""
        keys = dict(node.children or {})
        enabled = keys.pop("enabled", None)
        if enabled and not enabled.is_unset and not self.truth(enabled):
            return None
        return self.into(kind, replace(node, children=keys) if node.children else node)


_READERS: Mapping[object, Callable[[Reader, Node], object]] = {
    str: Reader.text,
    int: Reader.whole,
    bool: Reader.truth,
    Secret: lambda reader, node: Secret(reader.text(node)),
}


def _bare(hint: Any) -> Any:
    """`X` of `X | None`."""
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        return next(arm for arm in hint.__args__ if arm is not type(None))
    return hint


def _is_inner(hint: object) -> bool:
    return INNER in typing.get_args(hint)


def _may_be_empty(hint: object) -> bool:
    """Whether an empty text means that nothing is given, as Filebeat's examples have it."""
    return _bare(hint) is not hint or typing.get_origin(hint) is typing.Literal


def _key(name: str) -> str:
    return name.removesuffix("_s")


def _is_off(node: Node) -> bool:
    """Whether it asks for nothing: no value, or a section that is switched off."""
    enabled = (node.children or {}).get("enabled")
    if enabled is not None:
        return enabled.scalar is False
    return node.plain() in _NOTHING


_NOTHING: tuple[object, ...] = (None, False, "", "none", "auto", [], {})


def _nearest(name: str, known: list[str]) -> str:
    return _close(name, known) or f"; known here: {', '.join(known)}"


def _close(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
