"""The fields of a line by their path, and the tables of `formats.yml`."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import yaml

from shipper.catalog import builtin
from shipper.yaml.parse import LOADER

VENDOR: Final = "mcp-shipper"

_FREE_FORM = frozenset(
    path for path, field in builtin().fields.items() if field.type == "flattened"
)
_decoder = msgspec.json.Decoder(dict[str, Any])


@cache
def table(name: str) -> Any:
    """One format's part of `formats.yml`."""
    text = files("shipper.formats").joinpath("formats.yml").read_text(encoding="utf-8")
    return yaml.load(text, LOADER)[name]  # noqa: S506 - a safe loader


def fields_of(line: bytes) -> dict[str, Any]:
    """The values of a line by path; a free-form object of the catalog is one value."""
    return dict(_flat(_decoder.decode(line), ""))


def _flat(node: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        path = before + key
        if isinstance(value, dict) and value and path not in _FREE_FORM:
            yield from _flat(value, f"{path}.")
        elif value is not None:
            yield path, value


def text_of(value: object) -> str:
    """The value as text: a list of texts joined by commas, other objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return msgspec.json.encode(value).decode()


def time_of(fields: Mapping[str, Any]) -> datetime | None:
    """The time of the line; None if it has none that can be read, with a time zone."""
    try:
        found = datetime.fromisoformat(fields["@timestamp"])
        return found if found.tzinfo and found.timestamp() >= 0 else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def epoch_us(time: datetime) -> int:
    """Microseconds since 1970."""
    return int(time.timestamp()) * 1_000_000 + time.microsecond


def level_of(fields: Mapping[str, Any]) -> int:
    """0 for unknown, 1 info, 2 low, 3 medium, 4 high, 5 critical."""
    severity = fields.get("event.severity")
    if isinstance(severity, bool) or not isinstance(severity, int):
        return 0
    return 1 + sum(severity >= least for least in (21, 47, 73, 99))
