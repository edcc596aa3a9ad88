"""Which event each JSON-RPC method becomes: `methods.yml` as values."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from msgspec import Struct

from shipper.catalog.model import MCPEventType
from shipper.yaml.parse import LOADER


class Method(Struct, frozen=True):
    """What a request is recorded as: event type, `event.action`, `event.category`, `event.type`."""

    event_type: MCPEventType
    action: str
    category: tuple[str, ...] = ("api",)
    types: tuple[str, ...] = ("access",)


class Methods(Struct, frozen=True):
    """The whole table.

    `served` is for a method of the server's own, `unserved` for one that nobody answers. `silent`
    methods leave no event.
    """

    requests: Mapping[str, Method]
    from_server: Mapping[str, Method]
    served: Method
    unserved: Method
    silent: frozenset[str]


@cache
def methods() -> Methods:
    """The table as shipped."""
    text = files("shipper.catalog").joinpath("methods.yml").read_text(encoding="utf-8")
    rows: dict[str, Any] = yaml.load(text, LOADER)  # noqa: S506 - a safe loader
    return Methods(
        requests={name: _method(row) for name, row in rows["requests"].items()},
        from_server={name: _method(row) for name, row in rows["from_server"].items()},
        served=_method(rows["served"]),
        unserved=_method(rows["unserved"]),
        silent=frozenset(rows["silent"]),
    )


def _method(row: Mapping[str, Any]) -> Method:
    category, types = row.get("category", ["api"]), row.get("type", ["access"])
    return Method(MCPEventType(row["event"]), row["action"], tuple(category), tuple(types))
