"""What to follow: Filebeat's `inputs` section."""

from collections.abc import Mapping

from shipper.config.read import Reader
from shipper.config.tree import Node
from shipper.deliver.discover import InputConfig


def read_inputs(reader: Reader, nodes: Mapping[str, Node]) -> tuple[InputConfig, ...]:
    """The enabled inputs of `inputs` and `filebeat.inputs`."""
    lists = [nodes["inputs"]] if "inputs" in nodes else []
    if node := nodes.get("filebeat"):
        lists += reader.children(node, ("inputs",)).values()
    found = [
        _input(reader, item, f"input-{at}")
        for node in lists
        for at, item in enumerate(node.items or [node], start=1)
    ]
    enabled = tuple(one for one in found if one)
    seen: set[str] = set()
    for one in enabled:
        if one.id in seen:
            reader.note(lists[0], f"two inputs have the id {one.id!r}; an id names one input")
        seen.add(one.id)
    return enabled


def _input(reader: Reader, node: Node, default_id: str) -> InputConfig | None:
    keys = reader.children(node, ("type", "id", "enabled", "paths", "parsers"))
    if "type" in keys:
        reader.one_of(keys["type"], ("filestream",))
    for parser in (keys["parsers"].items or ()) if "parsers" in keys else ():
        _parser(reader, parser)
    if "enabled" in keys and not reader.truth(keys["enabled"]):
        return None
    if "paths" not in keys:
        reader.note(node, "paths is required: which files to ship, globs allowed")
        return None
    name = reader.text(keys["id"]) if "id" in keys else default_id
    return InputConfig(id=name, paths=reader.texts(keys["paths"]))


def _parser(reader: Reader, node: Node) -> None:
    """`ndjson` is what we do anyway: each line is an object, shipped at the root as it stands."""
    inner = reader.children(node, ("ndjson",)).get("ndjson")
    if inner is None or (inner.scalar is None and inner.children is None):
        return
    keys = ("target", "overwrite_keys", "add_error_key", "expand_keys", "ignore_decoding_error")
    target = reader.children(inner, keys).get("target")
    if target and target.scalar:
        reader.note(
            target, "only the root target ('') is possible: lines are shipped as they stand"
        )
