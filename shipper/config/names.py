"""Names that are chosen for each event: Filebeat's `indices`, `pipelines`, `topics` and `keys`."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from shipper.config.conditions import read_condition
from shipper.processors.naming import Rule, Template, is_template
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

#: For each output: the option with a list of rules, the option with one name, and the field that
#: holds the rules.
_OPTIONS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "elasticsearch": (
        ("indices", "index", "index_rules"),
        ("pipelines", "pipeline", "pipeline_rules"),
    ),
    "kafka": (("topics", "topic", "topic_rules"), ("", "key", "")),
    "redis": (("keys", "key", "key_rules"),),
}
#: Names of the other outputs: files, which would have to be open all at once, and `@metadata`.
_FIXED = ("index", "path", "filename")


def take_names(reader: Reader, output: str, options: dict[str, YamlNode]) -> dict[str, Any]:
    """The rules by the field of the output's settings; takes their options out of `options`."""
    found: dict[str, Any] = {}
    for several, single, field in _OPTIONS.get(output, ()):
        if several in options:
            found[field] = _rules(reader, options.pop(several), single)
        node = options.get(single)
        if node is not None and isinstance(node.scalar, str) and is_template(node.scalar):
            _template(reader, node)
        elif node is not None and (output, single) == ("kafka", "key"):
            reader.one_of(node, ("stream", "none"))
    for key in _FIXED if output not in _OPTIONS else ():
        if key in options and is_template(str(options[key].scalar)):
            reader.note(options.pop(key), "%{…} in a name is not filled in; give a fixed name")
    return found


def _rules(reader: Reader, node: YamlNode, single: str) -> tuple[Rule, ...]:
    if node.is_unset:
        return ()
    items = [node] if node.items is None else node.items
    found = [_rule(reader, item, single) for item in items]
    return tuple(one for one in found if one)


def _rule(reader: Reader, node: YamlNode, single: str) -> Rule | None:
    keys = reader.children(node, (single, "when", "mappings", "default"))
    if single not in keys:
        reader.note(node, f"{single} is required: the name of the events that this rule is for")
        return None
    template = _template(reader, keys[single])
    condition = read_condition(reader, keys["when"]) if "when" in keys else None
    if template is None or ("when" in keys and condition is None):
        return None
    mappings = dict(_mappings(reader, keys["mappings"])) if "mappings" in keys else {}
    default = reader.text(keys["default"]) if "default" in keys else ""
    return Rule(template, condition, mappings, default)


def _mappings(reader: Reader, node: YamlNode, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Texts and their names; a text with a dot is a nested key in the tree."""
    for text, name in reader.rows(node).items():
        if name.children:
            yield from _mappings(reader, name, f"{prefix}{text}.")
        else:
            yield prefix + text, reader.text(name)


def _template(reader: Reader, node: YamlNode) -> Template | None:
    try:
        return Template.of(reader.text(node))
    except ValueError as error:
        reader.note(node, str(error))
        return None


def with_names(settings: Any, found: Mapping[str, Any]) -> Any:
    """The settings with the rules."""
    return replace(settings, **found) if found and settings is not None else settings
