"""Conditions of processors, from tree to objects."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shipper.patterns import Pattern, pattern_of
from shipper.processors import conditions
from shipper.processors.conditions import COMPARISONS, Condition
from shipper.processors.network import NAMED, Network, network
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader


def read_condition(reader: Reader, node: YamlNode) -> Condition | None:
    """The one condition in a mapping; None if there is a problem."""
    known, given = reader.sections(node, CONDITIONS), node.children or {}
    if len(known) == 1 and len(known) == len(given):
        ((name, inner),) = given.items()
        return CONDITIONS[name](reader, inner)
    if len(known) == len(given):
        names = ", ".join(known) or "none"
        reader.note(node, f"expected one condition, found {names}; join several with and, or")
    return None


def read_path(reader: Reader, node: YamlNode, path: str) -> str:
    """The dotted path of a field."""
    if path.partition(".")[0] == "@metadata":
        reader.note(node, "an event has no @metadata here; each output adds its own")
    elif not all(path.split(".")):
        reader.note(node, f"{path!r} is not the path of a field")
    return path


def read_pattern(reader: Reader, node: YamlNode, text: str) -> Pattern:
    """A regular expression, in Go's syntax."""
    try:
        return pattern_of(text)
    except ValueError as error:
        reader.note(node, f"not a regular expression in Go's syntax: {error}")
        return pattern_of("")


def leaves(reader: Reader, node: YamlNode, prefix: str = "") -> Iterator[tuple[str, YamlNode]]:
    """Dotted paths and the values below a mapping, which may itself be nested."""
    if node.children is None:
        reader.note(node, f"expected fields and values, found {node.kind}")
        return
    for key, child in node.children.items():
        if child.children is None:
            yield read_path(reader, child, prefix + key), child
        else:
            yield from leaves(reader, child, f"{prefix}{key}.")


def _equals(reader: Reader, node: YamlNode) -> Condition:
    return conditions.Equals(tuple((p, _value(reader, one)) for p, one in leaves(reader, node)))


def _value(reader: Reader, node: YamlNode) -> str | int | bool:
    if isinstance(node.scalar, str | int | bool):
        return node.scalar
    reader.note(node, f"expected text, a whole number, true or false, found {node.kind}")
    return ""


def _contains(reader: Reader, node: YamlNode) -> Condition:
    return conditions.Contains(tuple((p, _text(reader, one)) for p, one in leaves(reader, node)))


def _text(reader: Reader, node: YamlNode) -> str:
    if isinstance(node.scalar, str) or node.variables:
        return reader.text(node)
    reader.note(node, f"expected text, found {node.kind}; put it in quotes")
    return ""


def _regexp(reader: Reader, node: YamlNode) -> Condition:
    return conditions.Regexp(
        tuple(
            (path, read_pattern(reader, one, _text(reader, one)))
            for path, one in leaves(reader, node)
        )
    )


def _range(reader: Reader, node: YamlNode) -> Condition:
    bounds: list[tuple[str, str, float]] = []
    for whole, one in leaves(reader, node):
        path, _, name = whole.rpartition(".")
        if not path or name not in COMPARISONS:
            reader.note(one, f"expected one of {', '.join(COMPARISONS)} after the field")
        else:
            bounds.append((path, name, _bound(reader, one)))
    return conditions.Range(tuple(bounds))


def _bound(reader: Reader, node: YamlNode) -> float:
    scalar = node.scalar
    if isinstance(scalar, int | float) and not isinstance(scalar, bool):
        return scalar
    try:
        return float(str(scalar))
    except ValueError:
        reader.note(node, f"expected a number, found {node.kind}")
        return 0.0


def _network(reader: Reader, node: YamlNode) -> Condition:
    return conditions.InNetwork(
        tuple(
            (path, tuple(_one_network(reader, item) for item in one.items or [one]))
            for path, one in leaves(reader, node)
        )
    )


def _one_network(reader: Reader, node: YamlNode) -> Network:
    text = reader.text(node)
    try:
        return network(text)
    except ValueError:
        names = ", ".join(NAMED)
        shown = node.shown if node.variables else f"{text!r}"
        reader.note(node, f"{shown} is neither a network such as 192.0.2.0/24 nor one of {names}")
        return NAMED["unspecified"]


def _has_fields(reader: Reader, node: YamlNode) -> Condition:
    return conditions.HasFields(tuple(read_path(reader, node, path) for path in reader.texts(node)))


def _several(kind: Callable[[tuple[Condition, ...]], Condition]) -> Any:
    def read(reader: Reader, node: YamlNode) -> Condition:
        if not node.items:
            reader.note(node, f"expected a list of conditions, found {node.kind}")
        found = (read_condition(reader, item) for item in node.items or ())
        return kind(tuple(one for one in found if one))

    return read


def _not(reader: Reader, node: YamlNode) -> Condition | None:
    inner = read_condition(reader, node)
    return conditions.Not(inner) if inner else None


CONDITIONS: Mapping[str, Callable[[Reader, YamlNode], Condition | None]] = {
    "equals": _equals,
    "contains": _contains,
    "regexp": _regexp,
    "range": _range,
    "network": _network,
    "has_fields": _has_fields,
    "or": _several(conditions.Or),
    "and": _several(conditions.And),
    "not": _not,
}
