"""Variables in values: `${VAR}`, `${VAR:default}`, `${VAR:?message}`, and the paths.

They are expanded in the tree, so that a variable can hold any text without being read as YAML.
"""

import re
from collections.abc import Mapping

from msgspec.structs import replace

from shipper.errors import Problem
from shipper.yaml.node import YamlNode
from shipper.yaml.parse import scalar_of

#: A valid name of a variable, and so of a secret in the keystore.
NAME = r"[A-Za-z_][A-Za-z0-9_]*"

_VARIABLE = re.compile(
    rf"\$\{{(?P<name>{NAME}|path\.(?:config|home|data|logs))"
    r"(?::(?P<default>[^}]*))?\}"
)


def expanded(node: YamlNode, variables: Mapping[str, str], problems: list[Problem]) -> YamlNode:
    """A copy with every variable expanded; one that is not set is added to `problems`."""
    if node.children is not None:
        children = {
            key: expanded(child, variables, problems) for key, child in node.children.items()
        }
        return replace(node, children=children)
    if node.items is not None:
        return replace(node, items=[expanded(item, variables, problems) for item in node.items])
    if not isinstance(node.scalar, str) or "${" not in node.scalar:
        return node
    return _expanded_scalar(node, node.scalar, variables, problems)


def _expanded_scalar(
    node: YamlNode, given: str, variables: Mapping[str, str], problems: list[Problem]
) -> YamlNode:
    def value(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if (found := variables.get(name)) is not None:
            return found
        if default is None or default.startswith("?"):
            problems.append(node.problem(_unset(name, default)))
            return ""
        return str(default)

    text = _VARIABLE.sub(value, given)
    names = ", ".join(f"${{{match['name']}}}" for match in _VARIABLE.finditer(given))
    if text == given or not node.is_plain:
        return replace(node, scalar=text, variables=names)
    try:
        return replace(node, scalar=scalar_of(text), variables=names)
    except ValueError as error:
        problems.append(node.problem(f"cannot be read: {error}"))
        return replace(node, scalar=None)


def _unset(name: str, default: str | None) -> str:
    """`default` may begin with `?`, and then is the operator's own message."""
    hint = (default or "").removeprefix("?") or (
        f"set it, `mcp-shipper keystore add {name}`, or give a default: ${{{name}:value}}"
    )
    return f"${{{name}}} is not set; {hint}"
