"""The reader of a configuration, which knows Filebeat's other keys."""

from shipper.config.filebeat import knows_below, ruling_on
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader


def new_reader() -> Reader:
    """A reader that explains Filebeat's keys that are not settings here."""
    return Reader(_explain)


def is_foreign(reader: Reader, node: YamlNode, *, is_named: bool = False) -> bool:
    """Whether it is a key of Filebeat's that is not a setting here; reports the reason if it is.

    If it `is_named`, as in a list of processors, that alone asks for something.
    """
    ruling = ruling_on(node.path)
    if ruling is None:
        return False
    reader.ignored.append(node.path)
    if ruling.is_accepted:
        reader.remarks.append(str(node.problem(ruling.why)))
    elif is_named or not _is_off(node):
        reader.note(node, ruling.why)
    return True


def _explain(reader: Reader, node: YamlNode) -> bool:
    """Deal with a key of Filebeat's, or with each key below it; False if it is not Filebeat's."""
    if is_foreign(reader, node):
        return True
    if not (node.children and knows_below(node.path)):
        return False
    for child in node.children.values():
        if not _explain(reader, child):
            reader.note(child, "unknown key")
    return True


def _is_off(node: YamlNode) -> bool:
    """Whether it asks for nothing: no value, or a section that is switched off."""
    enabled = (node.children or {}).get("enabled")
    if enabled is not None:
        return enabled.scalar is False
    return node.plain() in _NOTHING


_NOTHING: tuple[object, ...] = (None, False, "", "none", "auto", [], {})
