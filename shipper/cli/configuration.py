"""The configuration that the common options of all commands select."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from shipper.cli.commands import CONFIG_FILES
from shipper.config import Config, load


def config_path(arguments: argparse.Namespace) -> Path | None:
    """The file that -c names, otherwise the first of `CONFIG_FILES` that exists."""
    named: Path | None = getattr(arguments, "config", None)
    return named or next((path for path in CONFIG_FILES if path.is_file()), None)


def config_of(arguments: argparse.Namespace) -> Config:
    """The configuration in use; the defaults if there is no file."""
    settings = settings_of(arguments)
    return load(config_path(arguments), strict=is_strict(arguments), settings=settings)


def settings_of(arguments: argparse.Namespace) -> Sequence[str]:
    """The settings of `-E` and `-e`, which override the configuration file."""
    to_stderr = ["logging.to_stderr=true", "logging.to_files=false"]
    return [*getattr(arguments, "settings", []), *(to_stderr if hasattr(arguments, "e") else [])]


def is_strict(arguments: argparse.Namespace) -> bool:
    """Whether a configuration that others can write is refused."""
    return getattr(arguments, "strict", "true") == "true"
