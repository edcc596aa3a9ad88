"""What to follow: Filebeat's `inputs` section."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shipper.config.read import Reader
from shipper.config.tree import Node
from shipper.deliver.discover import InputConfig
from shipper.deliver.form import NDJSON, Form

if TYPE_CHECKING:
    from shipper.config.processors import Section

#: What is done to events; at the top for all of them, in an input for its own.
EVENT_KEYS = ("fields", "fields_under_root", "tags", "processors")


def read_inputs(reader: Reader, nodes: Mapping[str, Node]) -> tuple[InputConfig, ...]:
    """The enabled inputs of `inputs` and `filebeat.inputs`."""
    everywhere = _section(reader, nodes)
    lists = [nodes["inputs"]] if "inputs" in nodes else []
    if node := nodes.get("filebeat.inputs"):
        lists.append(node)
    found = [
        _input(reader, item, f"input-{at}", everywhere)
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


def _input(
    reader: Reader, node: Node, default_id: str, everywhere: "Section | None"
) -> InputConfig | None:
    keys = reader.children(node, ("type", "id", "enabled", "paths", "parsers", *EVENT_KEYS))
    if "type" in keys:
        reader.one_of(keys["type"], ("filestream",))
    for parser in (keys["parsers"].items or ()) if "parsers" in keys else ():
        _parser(reader, parser)
    form = _form(everywhere, _section(reader, keys))
    if "enabled" in keys and not reader.truth(keys["enabled"]):
        return None
    if "paths" not in keys:
        reader.note(node, "paths is required: which files to ship, globs allowed")
        return None
    name = reader.text(keys["id"]) if "id" in keys else default_id
    return InputConfig(id=name, paths=reader.texts(keys["paths"]), form=form)


def _section(reader: Reader, nodes: Mapping[str, Node]) -> "Section | None":
    found = {key: nodes[key] for key in EVENT_KEYS if key in nodes}
    if not found:
        return None
    from shipper.config.processors import read_section  # 50 ms, a fifth of a start without them

    return read_section(reader, found)


def _form(everywhere: "Section | None", own: "Section | None") -> Form:
    sections = [one for one in (everywhere, own) if one]
    if not sections:
        return NDJSON
    from shipper.config.processors import chain_of
    from shipper.deliver.processed import Processed

    return Processed(NDJSON, chain_of(sections))


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
