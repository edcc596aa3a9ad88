"""Reads nodes as typed values, and collects every problem instead of raising the first."""

import difflib
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeVar

from msgspec.structs import replace

from shipper.bounds import LONGEST_S, MOST, Bounds
from shipper.errors import Problem
from shipper.yaml.node import Scalar, YamlNode
from shipper.yaml.parse import scalar_of

_Word = TypeVar("_Word", bound=StrEnum)

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_DURATION = re.compile(r"\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")
_NUMBER = Bounds(0, MOST)
_TIME = Bounds(0, LONGEST_S)
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}


class Reader:
    """Reads nodes as values of the expected types, and notes the problems.

    A value that cannot be read is replaced by one of its type, so that reading continues.
    """

    def __init__(self, explain: "Callable[[Reader, YamlNode], bool] | None" = None) -> None:
        """`explain` takes an unknown key; it returns whether it handled the key."""
        self._explain = explain
        self.problems: list[Problem] = []
        #: Remarks on valid input: keys that have no effect, each with the reason.
        self.remarks: list[str] = []
        #: The paths of keys without effect: what is wrong below them does not matter.
        self.ignored: list[str] = []

    def note(self, node: YamlNode, what: str) -> None:
        self.problems.append(node.problem(what))

    def children(self, node: YamlNode, known: Iterable[str]) -> dict[str, YamlNode]:
        """The known children of a mapping; each unknown key is a problem that names the nearest.

        A key without a value is left out.
        """
        found = self._known(node, known)
        return {key: child for key, child in found.items() if not child.is_unset}

    def sections(self, node: YamlNode, known: Iterable[str]) -> dict[str, YamlNode]:
        """The same for keys that have a meaning without a value: such a key is an empty mapping."""
        return {
            key: replace(child, children={}) if child.is_unset else child
            for key, child in self._known(node, known).items()
        }

    def rows(self, node: YamlNode) -> dict[str, YamlNode]:
        """The children of a mapping whose keys are the operator's own names."""
        return self.sections(node, node.children or ())

    def _known(self, node: YamlNode, known: Iterable[str]) -> dict[str, YamlNode]:
        if node.children is None:
            if not node.is_unset:
                self.note(node, f"expected a mapping, found {node.kind}")
            return {}
        names = list(known)
        for key, child in node.children.items():
            if key not in names and not (self._explain and self._explain(self, child)):
                self.note(child, f"unknown key{nearest(key, names)}")
        return {key: child for key, child in node.children.items() if key in names}

    def text(self, node: YamlNode) -> str:
        text = node.written
        if text is None or node.is_unset:
            if node.children is not None or node.items is not None or node.scalar is None:
                self.note(node, f"expected text, found {node.kind}")
                return ""
            text = str(node.scalar)
        if "\0" in text:
            self.note(node, "contains a NUL")
            return ""
        return text

    def one_of(self, node: YamlNode, known: Iterable[str]) -> str:
        text, names = self.text(node), list(known)
        if text and text not in names:
            close = close_to(text, names)
            shown = f"{text!r}" if node.shown == f"{node.scalar!r}" else node.shown
            self.note(node, f"{shown} is not one of {', '.join(names)}{close}")
        return text

    def member(self, node: YamlNode, words: type[_Word]) -> _Word:
        """A member of an enumeration, by its value."""
        text = self.one_of(node, words)
        return next((word for word in words if word == text), next(iter(words)))

    def texts(self, node: YamlNode) -> tuple[str, ...]:
        """A list of texts; a single text is a list of one."""
        if node.items is None:
            return (self.text(node),)
        return tuple(self.text(item) for item in node.items)

    def whole(self, node: YamlNode, bounds: Bounds = _NUMBER) -> int:
        value = _meant(node)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(node, f"expected a whole number, found {node.kind}")
            return 0
        if value not in bounds:
            most = bounds.most is None or value <= bounds.most or bounds.most < MOST
            what = f"expected {bounds if most else 'a smaller number'}, found {node.shown}"
            self.note(node, what)
        return value

    def truth(self, node: YamlNode) -> bool:
        value = _meant(node)
        if not isinstance(value, bool):
            self.note(node, f"expected true or false, found {node.kind}")
            return False
        return value

    def seconds(self, node: YamlNode, bounds: Bounds = _TIME) -> float:
        """A duration: seconds, or numbers with units, as in `1m30s`."""
        text = str(node.scalar)
        if not _DURATION.fullmatch(text):
            self.note(node, f"expected a duration such as 30s, found {node.kind}")
            return 0.0
        parts = _PART.findall(text)
        found = sum(float(count) * _SECONDS[unit] for count, unit in parts)
        if found > LONGEST_S:
            self.note(node, f"expected at most {LONGEST_S // 86_400} days, found {node.kind}")
            return 0.0
        if found not in bounds:
            self.note(node, f"expected {bounds.least * 1000:g}ms or more, found {node.kind}")
        return found


def _meant(node: YamlNode) -> Scalar:
    """The value; the text of a variable stands for its value within quotes too."""
    if not node.variables or not isinstance(node.scalar, str):
        return node.scalar
    try:
        return scalar_of(node.scalar)
    except ValueError:
        return node.scalar


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the one that is meant, or all of them."""
    known = list(known)
    return close_to(name, known) or f"; known here: {', '.join(known)}"


def close_to(name: str, known: Iterable[str]) -> str:
    """The same if one of them is close, otherwise nothing."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
