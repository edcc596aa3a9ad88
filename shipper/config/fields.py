"""Fields in the options of processors: paths, and pairs of from and to."""

from collections.abc import Sequence

from shipper.config.conditions import read_path
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader


def options_of(
    reader: Reader, node: YamlNode, known: Sequence[str], *required: str
) -> dict[str, YamlNode]:
    """The options of a processor; a required one that is missing is a problem."""
    nodes = reader.children(node, known)
    for key in required:
        if key not in nodes:
            reader.note(node, f"{key} is required")
    return nodes


def items_of(reader: Reader, node: YamlNode | None, what: str) -> Sequence[YamlNode]:
    """The items of a list of `what`; empty without a list."""
    if node is not None and node.items is None:
        reader.note(node, f"expected a list of {what}, found {node.kind}")
    return (node and node.items) or ()


def path_at(reader: Reader, nodes: dict[str, YamlNode], key: str, default: str = "") -> str:
    """The path in an option; `default` without it."""
    return read_path(reader, nodes[key], reader.text(nodes[key])) if key in nodes else default


def paths_of(reader: Reader, node: YamlNode | None) -> tuple[str, ...]:
    """The paths in a list, or the one that stands in its place."""
    if node is None or node.items == []:
        return ()
    return tuple(read_path(reader, node, path) for path in reader.texts(node))


def check_paths(reader: Reader, node: YamlNode, paths: Sequence[str]) -> None:
    """Note each text that is no path."""
    for path in paths:
        read_path(reader, node, path)


def pairs_of(reader: Reader, node: YamlNode | None) -> tuple[tuple[str, str], ...]:
    """The paths of each `{from, to}` in a list."""
    return tuple(_pair(reader, one) for one in items_of(reader, node, "from and to"))


def _pair(reader: Reader, node: YamlNode) -> tuple[str, str]:
    nodes = options_of(reader, node, ("from", "to"), "from", "to")
    return path_at(reader, nodes, "from"), path_at(reader, nodes, "to")
