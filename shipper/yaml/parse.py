"""YAML text to a tree of nodes, dotted keys expanded.

`a.b: 1` is the same as `a: {b: 1}`, as in Filebeat.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import yaml
from msgspec import Struct, field

from shipper.errors import ConfigError, Problem
from shipper.yaml.bounds import check_bounds
from shipper.yaml.node import Scalar, YamlNode, inner_path

#: libyaml where PyYAML was built with it: a tenth of the time, and every start reads the catalog.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: More than one sign between quotes.
_QUOTED = re.compile(r"""\s*(?:'[^']{2,}'|"[^"]{2,}")""")
#: JSON encoders take no more, and Python does not print one of thousands of digits.
_INTEGERS = range(-(1 << 63), 1 << 64)
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NO_NUMBERS = ("nan", "inf")
_resolver: Any = yaml.SafeLoader("")  # PyYAML leaves its resolver untyped


def parse(
    text: str, file: str, *, names_in: Collection[str] = ()
) -> tuple[YamlNode, list[Problem]]:
    """The tree as far as it can be read, and what is wrong with it.

    Keys of the mappings at the paths `names_in` are names and keep their dots. Raises `ConfigError`
    where the text is not YAML.
    """
    builder = _Builder(file, names_in)
    try:
        check_bounds(text, file, LOADER)
        root = yaml.compose(text, Loader=LOADER)
        tree = builder.build(root, "") if root is not None else YamlNode(file, "", children={})
    except yaml.MarkedYAMLError as error:
        # libyaml counts the end of the text as a line of its own.
        line = min(error.problem_mark.line, text.count("\n")) + 1 if error.problem_mark else 1
        what = f"not YAML: {_unquoted(error.problem)}"
        raise ConfigError([Problem(f"{file}:{line}", what)]) from None  # it may quote a secret
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        what = f"not YAML: {_unquoted(getattr(error, 'reason', None))}"
        raise ConfigError([Problem(file, what)]) from None
    except RecursionError as error:
        raise ConfigError([Problem(file, "is nested too deeply, or contains itself")]) from error
    if tree.children is None:
        builder.problems.append(Problem(f"{file}:1", f"expected keys, found {tree.kind}"))
    return tree, builder.problems


def _unquoted(problem: object) -> str:
    """What the parser says, without what it quotes: a password may begin with `*` or `!`."""
    text = _QUOTED.sub("", str(problem or "it cannot be read"))
    return f"{text}; put a value with signs in quotes" if text != problem else text


def scalar_of(text: str) -> Scalar:
    """The value that an unquoted text stands for; raises `ValueError` where it cannot be read."""
    return _constructed(
        yaml.ScalarNode(_resolver.resolve(yaml.ScalarNode, text, (True, False)), text)
    )


def _constructed(node: yaml.ScalarNode) -> Scalar:
    if node.tag == _TEXT or _is_text(node):
        return str(node.value)
    try:
        value = _resolver.construct_object(node)
    except yaml.MarkedYAMLError as error:
        raise ValueError(_unquoted(error.problem)) from None
    except (ValueError, OverflowError):  # it quotes the value
        raise ValueError("it is not what it looks like; put it in quotes") from None
    if isinstance(value, int) and value not in _INTEGERS:
        raise ValueError("it is an integer of more than 64 bits; put it in quotes")
    return value if isinstance(value, Scalar) else str(node.value)  # a date is text here


def _is_text(node: yaml.ScalarNode) -> bool:
    """Whether it is a number only in YAML 1.1: `12:30:00` is 45000 there, and `.nan` no JSON."""
    return node.tag in _NUMBERS and (":" in node.value or node.value[-3:].lower() in _NO_NUMBERS)


class _Builder(Struct):
    file: str
    names_in: Collection[str]
    problems: list[Problem] = field(default_factory=list)

    def build(self, node: yaml.Node, path: str) -> YamlNode:
        where = f"{self.file}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.ScalarNode):
            scalar, is_plain = self._scalar(node, where, path), not node.style
            written = node.value if is_plain else None
            return YamlNode(where, path, scalar, is_plain=is_plain, written=written)
        if isinstance(node, yaml.MappingNode):
            return YamlNode(where, path, children=self._mapping(node, path))
        items = [self.build(item, f"{path}[{at}]") for at, item in enumerate(node.value)]
        return YamlNode(where, path, items=items)

    def _scalar(self, node: yaml.ScalarNode, where: str, path: str) -> Scalar:
        if "\0" in node.value:
            self.problems.append(Problem(f"{where} {path}", "contains a NUL"))
            return None
        try:
            return _constructed(node)
        except ValueError as error:
            self.problems.append(Problem(f"{where} {path}", f"cannot be read: {error}"))
            return None

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, YamlNode]:
        children: dict[str, YamlNode] = {}
        keeps_dots = path in self.names_in
        for key_node, value_node in self._pairs(node, path):
            key = str(key_node.value)
            value = self.build(value_node, inner_path(path, key))
            value.where = f"{self.file}:{key_node.start_mark.line + 1}"
            self._place(children, [key] if keeps_dots else key.split("."), value, path)
        return children

    def _pairs(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[Any, yaml.Node]]:
        """Its keys and values; behind them those of `<<`, where a key is not given already."""
        given: set[str] = set()
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                where = f"{self.file}:{key.start_mark.line + 1} {path}".strip()
                self.problems.append(Problem(where, "a key must be a text, not a list or mapping"))
            elif key.tag == _MERGE:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                given.add(key.value)
                yield key, value
        for one in merged:
            if not isinstance(one, yaml.MappingNode):
                where = f"{self.file}:{one.start_mark.line + 1} {path}".strip()
                self.problems.append(Problem(where, "`<<` takes a mapping, or a list of them"))
                continue
            for key, value in self._pairs(one, path):
                if key.value not in given:
                    given.add(key.value)
                    yield key, value

    def _place(
        self, children: dict[str, YamlNode], parts: list[str], value: YamlNode, path: str
    ) -> None:
        name, *rest = parts
        if not rest:
            self._merge(children, name, value)
            return
        inner = inner_path(path, name)
        node = children.setdefault(name, YamlNode(value.where, inner, children={}))
        if node.children is None:
            self.problems.append(value.problem(f"{inner} is {node.kind} already"))
        else:
            self._place(node.children, rest, value, inner)

    def _merge(self, children: dict[str, YamlNode], name: str, value: YamlNode) -> None:
        old = children.setdefault(name, value)
        if old is value:
            return
        if old.children is None or value.children is None:
            self.problems.append(value.problem(f"given twice; first at {old.where}"))
            return
        for key, child in value.children.items():
            self._merge(old.children, key, child)
