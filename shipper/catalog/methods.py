"""The event and the fields of each JSON-RPC method: `methods.yml` as values."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from msgspec import Struct

from shipper.catalog.model import MCPEventType
from shipper.yaml.parse import LOADER


class Source(Struct, frozen=True):
    """The source of a field: see the head of `methods.yml`. `places` are dotted paths."""

    field: str
    how: str
    places: tuple[str, ...]


class Method(Struct, frozen=True):
    """The event of a request: its type, `event.action`, `event.category` and `event.type`.

    `params` and `result` are the fields read from either.
    """

    event_type: MCPEventType
    action: str
    category: tuple[str, ...] = ("api",)
    types: tuple[str, ...] = ("access",)
    params: tuple[Source, ...] = ()
    result: tuple[Source, ...] = ()


class Host(Struct, frozen=True):
    """What the program in which an agent runs states of a call: fields by its own names."""

    meta: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}


class Methods(Struct, frozen=True):
    """The complete table.

    `served` is for a method of the server's own, `unserved` for one that nobody answers. The
    results of `greetings` have no `any_result`. `schemes` gives a further category by the scheme
    of a resource. `silent` methods leave no event. `hosts` has the programs that call,
    `refused` the answers of a user that are denials.
    """

    requests: Mapping[str, Method]
    from_server: Mapping[str, Method]
    served: Method
    unserved: Method
    any_result: tuple[Source, ...]
    greetings: frozenset[str]
    schemes: Mapping[str, str]
    silent: frozenset[str]
    hosts: Mapping[str, Host]
    refused: Mapping[str, str]


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
        any_result=_sources(rows["any_result"]),
        greetings=frozenset(rows["greetings"]),
        schemes=rows["schemes"],
        silent=frozenset(rows["silent"]),
        refused=rows["refused"],
        hosts={name: Host(**row) for name, row in rows["hosts"].items()},
    )


def _method(row: Mapping[str, Any]) -> Method:
    return Method(
        MCPEventType(row["event"]),
        row["action"],
        tuple(row.get("category", ["api"])),
        tuple(row.get("type", ["access"])),
        _sources(row.get("params", {})),
        _sources(row.get("result", {})),
    )


def _sources(rows: Mapping[str, Any]) -> tuple[Source, ...]:
    return tuple(_source(field, given) for field, given in rows.items())


def _source(field: str, given: Any) -> Source:
    [(how, places)] = given.items() if isinstance(given, dict) else [("text", given)]
    return Source(field, how, (places,) if isinstance(places, str) else tuple(places))
