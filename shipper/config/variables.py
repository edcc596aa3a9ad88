"""Variables in values: `${VAR}`, `${VAR:default}`, `${VAR:?message}`, and the paths.

They are expanded in the tree, so that a variable can hold any text without being read as YAML. As
in Filebeat, a default may be in quotes or name other variables, and an unquoted value that is one
variable may hold a list (`["a:1", "b:2"]`).
"""

import re
from collections.abc import Mapping

import yaml
from msgspec.structs import replace

from shipper.errors import ConfigError, Problem
from shipper.yaml.node import Scalar, YamlNode
from shipper.yaml.parse import parse, scalar_of

#: A valid name of a variable, and so of a secret in the keystore.
NAME = r"[A-Za-z_][A-Za-z0-9_]*"

_START = re.compile(rf"\$\{{(?P<name>{NAME}|path\.(?:config|home|data|logs))(?P<end>[:}}])")
_QUOTES = ("'", '"')


def expanded(node: YamlNode, variables: Mapping[str, str]) -> YamlNode:
    """A copy with every variable expanded; a value with one that is not set has a `fault`."""
    if node.children is not None:
        children = {key: expanded(child, variables) for key, child in node.children.items()}
        return replace(node, children=children)
    if node.items is not None:
        return replace(node, items=[expanded(item, variables) for item in node.items])
    if not isinstance(node.scalar, str) or "${" not in node.scalar:
        return node
    return _expanded_scalar(node, node.scalar, variables)


def faults(node: YamlNode) -> list[Problem]:
    """The faults of this value and of all values in it."""
    inner = [*(node.children or {}).values(), *(node.items or ())]
    own = [node.problem(node.fault)] if node.fault else []
    return own + [problem for one in inner for problem in faults(one)]


def _expanded_scalar(node: YamlNode, given: str, variables: Mapping[str, str]) -> YamlNode:
    names: list[str] = []
    try:
        text = _filled(given, variables, names)
    except _NotFilledError as error:
        return replace(node, scalar="", fault=str(error), variables=", ".join(names))
    node = replace(node, variables=", ".join(names))
    if text == given or not node.is_plain:
        return replace(node, scalar=text, written=None)
    node.written = text
    if text.startswith("[") and given.startswith("${") and (items := _list_in(text, node)):
        return replace(node, scalar=None, items=items)
    return replace(node, scalar=_scalar_in(text))


class _NotFilledError(Exception):
    pass


#: A default of a default of a default: nobody needs more.
_MAX_DEPTH = 16


def _filled(given: str, variables: Mapping[str, str], names: list[str], depth: int = 0) -> str:
    """The text with its variables, and those in defaults, filled in; `names` gets their names."""
    if depth > _MAX_DEPTH:
        raise _NotFilledError(f"has defaults within defaults, more than {_MAX_DEPTH} levels deep")
    parts, at = [], 0
    while found := _START.search(given, at):
        parts.append(given[at : found.start()])
        default, at = _default_of(given, found)
        names.append(f"${{{found['name']}}}")
        value = variables.get(found["name"])
        if value is None and (default is None or default.startswith("?")):
            raise _NotFilledError(_unset(found["name"], default))
        if value is None:
            value = _filled(_unquoted(default or ""), variables, names, depth + 1)
        parts.append(value)
    return "".join([*parts, given[at:]])


def _default_of(given: str, found: re.Match[str]) -> tuple[str | None, int]:
    """The default of the variable, which may hold variables in turn, and where its text ends."""
    if found["end"] == "}":
        return None, found.end()
    at, depth = found.end(), 1
    while at < len(given):
        if given.startswith("${", at):
            depth += 1
        elif given[at] == "}":
            depth -= 1
            if not depth:
                return given[found.end() : at], at + 1
        at += 1
    return given[found.end() :].rstrip("}"), len(given)


def _unquoted(default: str) -> str:
    quoted = len(default) > 1 and default[0] == default[-1] and default[0] in _QUOTES
    return default[1:-1] if quoted else default


def _scalar_in(text: str) -> Scalar:
    """The value that the text of a variable stands for; a word for null is a text like others."""
    try:
        value = scalar_of(text)
    except ValueError:
        return text
    return text if value is None and text else value


def _list_in(text: str, node: YamlNode) -> list[YamlNode] | None:
    """The list that the text of a variable is; None if it is another text."""
    try:
        tree, problems = parse(f"list: {text}", node.where)
    except (ConfigError, yaml.YAMLError):
        return None
    items = tree.at("list").items
    if problems or items is None:
        return None
    return [
        replace(item, where=node.where, path=f"{node.path}[{at}]", variables=node.variables)
        for at, item in enumerate(items)
    ]


def _unset(name: str, default: str | None) -> str:
    """`default` may begin with `?`, and then is the operator's own message."""
    hint = (default or "").removeprefix("?") or (
        f"set it, `mcp-shipper keystore add {name}`, or give a default: ${{{name}:value}}"
    )
    return f"${{{name}}} is not set; {hint}"
