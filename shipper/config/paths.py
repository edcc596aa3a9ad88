"""The `path` section: where things live."""

from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from shipper.config.variables import expanded
from shipper.home import default_home
from shipper.yaml.node import YamlNode
from shipper.yaml.reader import Reader

_NAMES = ("home", "data", "logs", "audit")


def read_paths(reader: Reader, node: YamlNode) -> dict[str, Path]:
    """Every path by its name; those that are not given lie below `home`."""
    nodes = reader.children(node, _NAMES)
    given = {name: Path(reader.text(child)) for name, child in nodes.items()}
    home = given.get("home", default_home())
    return {"home": home} | {name: home / name for name in _NAMES[1:]} | given


def path_variables(node: YamlNode, file: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What `${path.config}` and the others stand for; each path may name those before it."""
    known = {"path.config": str(Path(file).absolute().parent)}
    for name in ("home", "data", "logs"):
        section = expanded(node, ChainMap(known, dict(environment)))
        known[f"path.{name}"] = str(read_paths(Reader(), section)[name])
    return known
