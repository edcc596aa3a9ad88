"""YAML with positions: a tree of nodes that know their line, variables and dotted keys expanded.

`a.b: 1` is the same as `a: {b: 1}`, as in Filebeat, but for the names of the catalog's rows.
`${VAR}`, `${VAR:default}` and `${VAR:?message}` are expanded in values, after parsing, so that a
variable can hold any text without being read as YAML; so are `${path.home}` and the other paths.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml
from msgspec import Struct, field

from shipper.errors import ConfigError, Problem

Scalar = str | int | float | bool | None


class Node(Struct):
    """A value and where it stands: a scalar, a list or a mapping of nodes."""

    where: str
    path: str
    scalar: Scalar = None
    items: list["Node"] | None = None
    children: dict[str, "Node"] | None = None

    @property
    def kind(self) -> str:
        """What a person calls it."""
        if self.children is not None:
            return "a mapping"
        return "a list" if self.items is not None else f"{self.scalar!r}"

    @property
    def is_unset(self) -> bool:
        """Whether the key stands there without a value; in Filebeat it then is as if it did not."""
        return self.scalar is None and self.items is None and self.children is None

    def problem(self, what: str) -> Problem:
        return Problem(f"{self.where} {self.path}".rstrip(), what)

    def plain(self) -> object:
        """The value as Python objects."""
        if self.children is not None:
            return {key: child.plain() for key, child in self.children.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.scalar


class _Builder(Struct):
    file: str
    environment: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def build(self, node: yaml.Node, path: str) -> Node:
        where = f"{self.file}:{node.start_mark.line + 1}"
        if isinstance(node, yaml.MappingNode):
            return Node(where, path, children=self._mapping(node, path))
        if isinstance(node, yaml.SequenceNode):
            items = [self.build(item, f"{path}[{at}]") for at, item in enumerate(node.value)]
            return Node(where, path, items=items)
        return Node(where, path, scalar=self._scalar(node, where, path))

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            where = f"{self.file}:{key_node.start_mark.line + 1}"
            value = self.build(value_node, f"{path}.{key}".lstrip("."))
            value.where = where
            parts = [key] if path in _NAMED else key.split(".")
            self._place(children, parts, value, path)
        return children

    def _place(self, children: dict[str, Node], parts: list[str], value: Node, path: str) -> None:
        name, rest = parts[0], parts[1:]
        if not rest:
            self._merge(children, name, value)
            return
        inner = f"{path}.{name}".lstrip(".")
        node = children.setdefault(name, Node(value.where, inner, children={}))
        if node.children is None:
            self.problems.append(value.problem(f"{inner} is {node.kind} already"))
        else:
            self._place(node.children, rest, value, inner)

    def _merge(self, children: dict[str, Node], name: str, value: Node) -> None:
        old = children.setdefault(name, value)
        if old is value:
            return
        if old.children is None or value.children is None:
            self.problems.append(value.problem(f"given twice; first at {old.where}"))
            return
        for key, child in value.children.items():
            self._merge(old.children, key, child)

    def _scalar(self, node: yaml.Node, where: str, path: str) -> Scalar:
        text = str(node.value)
        expanded = _VARIABLE.sub(lambda match: self._variable(match, where, path), text)
        tag = node.tag
        if expanded != text and getattr(node, "style", None) is None:
            tag = _resolver.resolve(yaml.ScalarNode, expanded, (True, False))
        try:
            value = _resolver.construct_object(yaml.ScalarNode(tag, expanded))
        except (yaml.YAMLError, ValueError) as error:
            self.problems.append(Problem(f"{where} {path}", f"cannot be read: {error}"))
            return None
        return value if isinstance(value, str | int | float | bool | None) else expanded

    def _variable(self, match: re.Match[str], where: str, path: str) -> str:
        name, default = match["name"], match["default"]
        if (value := self.environment.get(name)) is not None:
            return value
        if default is None or default.startswith("?"):
            hint = (default or "")[1:] or (
                f"set it, `mcp-shipper keystore add {name}`, or give a default: ${{{name}:value}}"
            )
            self.problems.append(Problem(f"{where} {path}", f"${{{name}}} is not set; {hint}"))
            return ""
        return str(default)


#: What a variable, and so a secret of the keystore, may be called.
NAME = r"[A-Za-z_][A-Za-z0-9_]*"

#: The keys below are names, dots and all: a field's is `acme.order.id`.
_NAMED = ("catalog.event_types", "catalog.fields", "catalog.frameworks")
_VARIABLE = re.compile(
    rf"\$\{{(?P<name>{NAME}|path\.(?:config|home|data|logs))"
    r"(?::(?P<default>[^}]*))?\}"
)
_resolver: Any = yaml.SafeLoader("")  # PyYAML leaves its resolver untyped


class Source(NamedTuple):
    """What a configuration is read from."""

    text: str
    file: str = ""
    #: `key=value` of the command line, which have precedence.
    settings: Sequence[str] = ()


def parse(source: Source, environment: Mapping[str, str]) -> Node:
    """The tree of a configuration; raises `ConfigError` with every problem of its form."""
    tree, problems = build(source, environment)
    if problems:
        raise ConfigError(problems)
    return tree


def build(source: Source, environment: Mapping[str, str]) -> tuple[Node, list[Problem]]:
    """The tree as far as it can be read, and what is wrong with it; raises where it is no YAML."""
    tree, problems = _build(source.text, source.file, environment)
    for setting in source.settings:
        key, equals, value = setting.partition("=")
        if not equals:
            problems.append(Problem(f"-E {setting}", "expected KEY=VALUE"))
            continue
        more, found = _build(f"{key}: {value}", "-E", environment)
        problems += found
        _put(tree, more)
    return tree, problems


def _put(tree: Node, more: Node) -> None:
    """What `more` says in the place of what `tree` says, mapping by mapping."""
    assert tree.children is not None
    for key, child in (more.children or {}).items():
        old = tree.children.get(key)
        if old and old.children is not None and child.children is not None:
            _put(old, child)
        else:
            tree.children[key] = child


def _build(text: str, file: str, environment: Mapping[str, str]) -> tuple[Node, list[Problem]]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError([Problem(f"{file}:{line}", f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise ConfigError([Problem(file, f"not YAML: {error}")]) from error
    builder = _Builder(file, environment)
    tree = builder.build(root, "") if root is not None else Node(file, "", children={})
    if tree.children is None:
        builder.problems.append(Problem(f"{file}:1", f"expected keys, found {tree.kind}"))
    return tree, builder.problems


def tree_of(value: object, where: str, path: str = "") -> Node:
    """The tree of plain Python objects (a configuration given in code)."""
    if isinstance(value, Mapping):
        node = Node(where, path, children={})
        for key, child in value.items():
            inner = f"{path}.{key}".lstrip(".")
            assert node.children is not None
            node.children[str(key)] = tree_of(child, where, inner)
        return node
    if isinstance(value, list | tuple):
        items = [tree_of(item, where, f"{path}[{at}]") for at, item in enumerate(value)]
        return Node(where, path, items=items)
    return Node(where, path, scalar=value if isinstance(value, Scalar) else str(value))
