"""From a file, or an object, to the configuration; every problem is reported at once."""

import os
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipper.config.document import parsed, read_document
from shipper.config.keystore import Keystore
from shipper.config.model import Config
from shipper.config.paths import path_variables
from shipper.config.sections import read_config
from shipper.config.variables import expanded
from shipper.errors import ConfigError, Problem
from shipper.yaml.node import node_of

_KEYSTORE_NAME = "mcp-shipper.keystore"


def load(
    path: Path | None,
    environment: Mapping[str, str] | None = None,
    *,
    strict: bool = True,
    settings: Sequence[str] = (),
) -> Config:
    """The configuration in a file, if there is one; raises `ConfigError` with every problem.

    If `strict`, a file that others could have written is a problem. `settings` are `key=value`, and
    have precedence.
    """
    document = read_document(path, settings, strict=strict)
    tree, problems = parsed(document)
    known = dict(os.environ if environment is None else environment)
    known |= path_variables(tree.at("path"), document.file, known)
    secrets = _keystore(known).read()
    tree = expanded(tree, ChainMap(secrets, known))
    config, found = read_config(tree)
    if problems := [*problems, *found]:
        raise _error(problems)
    return config


def from_mapping(values: Mapping[str, object]) -> Config:
    """The configuration in an object of the same shape; raises `ConfigError` with every problem."""
    try:
        tree = node_of(values, "config")
    except ValueError as error:
        raise ConfigError([Problem("config", str(error))]) from error
    config, problems = read_config(tree)
    if problems:
        raise _error(problems)
    return config


def keystore_of(
    path: Path | None, environment: Mapping[str, str], *, strict: bool, settings: Sequence[str]
) -> Keystore:
    """The keystore beside the data of this configuration, which may itself need its secrets."""
    document = read_document(path, settings, strict=strict)
    tree, _ = parsed(document)
    return _keystore(path_variables(tree.at("path"), document.file, environment))


def _keystore(variables: Mapping[str, str]) -> Keystore:
    return Keystore(Path(variables["path.data"]) / _KEYSTORE_NAME)


def _error(problems: Sequence[Problem]) -> ConfigError:
    return ConfigError(sorted(dict.fromkeys(problems), key=_line))


def _line(problem: Problem) -> int:
    place = problem.where.split(" ")[0].rpartition(":")[2]
    return int(place) if place.isdigit() else 0
