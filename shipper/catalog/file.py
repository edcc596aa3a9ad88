"""An operator's catalog in a file of its own, or in the shipper's configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shipper.catalog.load import overlaid
from shipper.errors import ConfigError, Problem
from shipper.yaml.bounds import MAX_BYTES
from shipper.yaml.parse import parse

_NAMES_IN = ("event_types", "fields", "frameworks")


def overlay_in(path: Path) -> Mapping[str, object]:
    """The rows of a YAML file, checked as those of a configuration.

    The file has the keys of an overlay, or has them under `catalog`, as a configuration does.
    Raises `BadInput` with every problem and its line.
    """
    names_in = (*_NAMES_IN, *(f"catalog.{name}" for name in _NAMES_IN))
    tree, problems = parse(_text(path), str(path), names_in=names_in)
    if problems:
        raise ConfigError(problems)
    overlay = tree.at("catalog") if "catalog" in (tree.children or {}) else tree
    catalog = overlaid(overlay)
    if catalog.alert_rows is not None:
        from shipper.catalog.alerts import alerts_of  # takes 20 ms, and few files have any

        alerts_of(catalog)
    rows: Any = overlay.plain()
    return rows or {}


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ConfigError([Problem(str(path), f"is larger than {MAX_BYTES >> 20} MiB")])
        return data.decode("utf-8")
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(path), "is not UTF-8")]) from error
