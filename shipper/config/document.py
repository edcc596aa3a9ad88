"""The text of a configuration: a file and the settings of the command line, and their tree."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from shipper.config.permissions import problem_of
from shipper.errors import ConfigError, Problem
from shipper.yaml.bounds import MAX_BYTES
from shipper.yaml.node import YamlNode
from shipper.yaml.parse import parse

#: The keys of these mappings are names and keep their dots: a field's name is `acme.order.id`.
_NAMES_IN = ("catalog.event_types", "catalog.fields", "catalog.frameworks")


class Document(NamedTuple):
    """What a configuration is read from."""

    text: str
    file: str = ""
    #: `key=value` of the command line, which have precedence.
    settings: Sequence[str] = ()


def read_document(path: Path | None, settings: Sequence[str], *, strict: bool) -> Document:
    """The file, if there is one; raises `ConfigError` where it cannot be read or trusted."""
    if path is None:
        return Document("", settings=settings)
    if strict and (problem := problem_of(path)):
        raise ConfigError([problem])
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError([Problem(str(path), f"is larger than {MAX_BYTES >> 20} MiB")])
        return Document(data.decode("utf-8"), str(path), settings)
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(path), "is not UTF-8")]) from error


def parsed(document: Document) -> tuple[YamlNode, list[Problem]]:
    """The tree with its variables still in it, and the problems of its form.

    Raises `ConfigError` where it is not YAML.
    """
    tree, problems = parse(document.text, document.file, names_in=_NAMES_IN)
    for setting in document.settings:
        key, equals, value = setting.partition("=")
        if not equals:
            problems.append(Problem(f"-E {setting}", "expected KEY=VALUE"))
            continue
        more, found = parse(f"{key}: {value}", "-E", names_in=_NAMES_IN)
        problems += found
        _put(tree, more)
    return _without_anchors(tree), problems


def _without_anchors(tree: YamlNode) -> YamlNode:
    """The tree without keys `x-…`, which hold anchors only, as in Compose files."""
    keys = {key: child for key, child in (tree.children or {}).items() if not key.startswith("x-")}
    return replace(tree, children=keys) if tree.children is not None else tree


def _put(tree: YamlNode, more: YamlNode) -> None:
    """Put the values of `more` in the place of those in `tree`, mapping by mapping."""
    if tree.children is None:
        return
    for key, child in (more.children or {}).items():
        old = tree.children.get(key)
        if old and old.children is not None and child.children is not None:
            _put(old, child)
        else:
            tree.children[key] = child
