"""Hints: what annotations and labels `co.elastic.logs/…` of a container say of its log."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from shipper.yaml.node import Scalar, YamlNode, node_of

_WHOLE = re.compile(r"-?\d{1,18}")
#: Each a list; in a hint its items are separated by commas.
_LISTS = ("include_lines", "exclude_lines")
_PARSERS = {"json": "ndjson", "multiline": "multiline"}
_TAKEN = ("json", "multiline", *_LISTS, "processors", "stream", "containers", "raw")
#: Their values are texts, whatever they look like.
_TEXTS = ("pattern", "flush_pattern", "tokenizer", "raw", *_LISTS)


class Hinted(NamedTuple):
    """What hints say."""

    #: None if they leave it to the configuration.
    is_enabled: bool | None
    #: The input, for which they are right.
    config: YamlNode
    #: Hints that are not read.
    others: tuple[str, ...]


def hinted(hints: Mapping[str, str], container: str, prefix: str, config: YamlNode) -> Hinted:
    """The input `config` of a container, changed as its hints say.

    Raises `ValueError` if a hint cannot be read.
    """
    found = dict(_of(hints, f"{prefix}.logs/"))
    found |= dict(_of(hints, f"{prefix}.logs.{container}/"))
    enabled = found.pop("enabled", None)
    if found.pop("disable", "") == "true":
        enabled = "false"
    tree = _nested(found)
    others = tuple(key for key in tree if key not in _TAKEN)
    changed = _raw(tree["raw"], config) if "raw" in tree else _changed(tree, config)
    return Hinted(None if enabled is None else enabled == "true", changed, others)


def _of(hints: Mapping[str, str], start: str) -> Iterator[tuple[str, str]]:
    return (
        (key.removeprefix(start), value) for key, value in hints.items() if key.startswith(start)
    )


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, text in flat.items():
        *parents, last = key.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
            if type(place) is not dict:
                raise ValueError(f"{key}: {parent} has a value of its own")
        place[last] = text
    return tree


def _changed(tree: Mapping[str, Any], config: YamlNode) -> YamlNode:
    children = dict(config.children or {})
    for key in _LISTS:
        if key in tree:
            items = [_leaf(config, key, one.strip()) for one in str(tree[key]).split(",")]
            children[key] = _node(config, key, items=items)
    for key, parser in _PARSERS.items():
        if key in tree:
            _add_parser(children, parser, key, _tree(config, key, tree[key]))
    stream = tree.get("stream") or tree.get("containers", {}).get("stream")
    if stream:
        children["stream"] = _leaf(config, "stream", stream)
    if "processors" in tree:
        before = children.get("processors")
        items = [] if before is None else [before] if before.items is None else before.items
        more = _processors(config, tree["processors"])
        children["processors"] = _node(config, "processors", items=[*items, *more])
    return replace(config, children=children)


def _add_parser(children: dict[str, YamlNode], parser: str, key: str, options: YamlNode) -> None:
    """As a parser where the input has some, as the older types' key otherwise."""
    parsers = children.get("parsers", replace(options, scalar=None, children=None, items=[]))
    if not parsers.items and "target" not in (options.children or {}):
        children[key] = options
        return
    more = replace(options, scalar=None, children={parser: options})
    children["parsers"] = replace(parsers, items=[*(parsers.items or ()), more])


def _processors(config: YamlNode, tree: Any) -> Iterator[YamlNode]:
    """By their numbers: `processors.1.dissect.tokenizer`; then those without."""
    if type(tree) is not dict:
        raise ValueError("processors: expected names of processors after it")
    for key in sorted(tree, key=lambda one: (not one.isdigit(), int(one) if one.isdigit() else 0)):
        names = tree[key] if key.isdigit() else {key: tree[key]}
        yield _tree(config, "processors", names)


def _raw(text: Any, config: YamlNode) -> YamlNode:
    """An input in JSON, which replaces all else."""
    try:
        found = msgspec.json.decode(str(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"raw: {error}") from error
    items = found if type(found) is list else [found]
    if len(items) != 1 or type(items[0]) is not dict:
        raise ValueError("raw: expected one input: a log is read once")
    try:
        return node_of(items[0], config.where, f"{config.path}.raw")
    except ValueError as error:
        raise ValueError(f"raw: {error}") from error


def _tree(near: YamlNode, key: str, value: Any) -> YamlNode:
    if type(value) is not dict:
        return _leaf(near, key, str(value))
    children = {name: _tree(near, name, one) for name, one in value.items()}
    return _node(near, key, children=children)


def _leaf(near: YamlNode, key: str, text: str) -> YamlNode:
    """A value with the type that it looks like; where a text is wanted, its text counts."""
    if key in _TEXTS:
        return _node(near, key, text)
    if text[:1] in ("[", "{"):
        try:
            return node_of(msgspec.json.decode(text), near.where, key)
        except (ValueError, RecursionError):  # `DecodeError` is a `ValueError`
            return _node(near, key, text)
    scalar: Scalar = text
    if text in ("true", "false"):
        scalar = text == "true"
    elif _WHOLE.fullmatch(text):
        scalar = int(text)
    return replace(_node(near, key, scalar), written=text)


def _node(
    near: YamlNode,
    key: str,
    scalar: Scalar = None,
    *,
    items: list[YamlNode] | None = None,
    children: dict[str, YamlNode] | None = None,
) -> YamlNode:
    return YamlNode(near.where, f"hints.{key}", scalar, items, children)
