"""The choice of an input's files, and how long they are followed, in Filebeat's words."""

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from shipper.config.conditions import read_pattern
from shipper.follow.inputs import Delete, InputConfig, Scanner
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader
from shipper.yaml.typed import into

#: Keys of an input that choose the files it follows.
FILE_KEYS = (
    *("prospector", "delete", "exclude_files"),
    *("ignore_older", "ignore_inactive", "clean_inactive", "clean_removed"),
)
#: The names of the scanner's keys in the types before `filestream`.
OLD_SCANNER_KEYS = {"scan_frequency": "check_interval", "symlinks": "symlinks"}
_SCANNER = ("check_interval", "symlinks", "include_files", "exclude_files")
_STARTS = [one for one in get_args(get_type_hints(InputConfig)["ignore_inactive"]) if one]


def read_files(reader: Reader, keys: Mapping[str, YamlNode]) -> dict[str, Any]:
    """The settings of an `InputConfig` that these keys give."""
    found: dict[str, Any] = {"scanner": _scanner(reader, keys)}
    if node := keys.get("delete"):
        found["delete"] = into(reader, Delete, node)
    for key in ("ignore_older", "clean_inactive"):
        if (node := keys.get(key)) and node.scalar != -1:  # in Filebeat: never
            found[f"{key}_s"] = reader.seconds(node)
    if node := keys.get("ignore_inactive"):
        found["ignore_inactive"] = reader.one_of(node, _STARTS)
    if node := keys.get("clean_removed"):
        found["clean_removed"] = reader.truth(node)
    _check_clean(reader, keys, found)
    return found


def _scanner(reader: Reader, keys: Mapping[str, YamlNode]) -> Scanner:
    inner = {ours: keys[key] for key, ours in OLD_SCANNER_KEYS.items() if key in keys}
    if "exclude_files" in keys:
        inner["exclude_files"] = keys["exclude_files"]
    if node := keys.get("prospector"):
        scanner = reader.children(node, ("scanner",)).get("scanner")
        inner |= reader.children(scanner, _SCANNER) if scanner else {}
    found: dict[str, Any] = {}
    if node := inner.get("check_interval"):
        found["check_interval_s"] = reader.seconds(node)
    if node := inner.get("symlinks"):
        found["symlinks"] = reader.truth(node)
    for key in ("include_files", "exclude_files"):
        if node := inner.get(key):
            items = [node] if node.items is None else node.items
            found[key] = tuple(read_pattern(reader, one, reader.text(one)) for one in items)
    return Scanner(**found)


def _check_clean(reader: Reader, keys: Mapping[str, YamlNode], found: Mapping[str, Any]) -> None:
    """A file whose position is forgotten is sent again, unless ignore_older leaves it out."""
    clean_s, older_s = found.get("clean_inactive_s", 0), found.get("ignore_older_s", 0)
    if clean_s and not older_s + found["scanner"].check_interval_s < clean_s:
        reader.note(keys["clean_inactive"], "must be longer than ignore_older + check_interval")
    if clean_s and not older_s:
        what = "needs ignore_older: a file without a position is sent from its start"
        reader.note(keys["clean_inactive"], what)
