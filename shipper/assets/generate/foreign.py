"""Tables for the pipelines that turn foreign logs into events, the same in each language.

Two pipelines do the same work, one in Ruby (Logstash) and one in Painless (Elasticsearch). Their
code is in `scripts/`; their tables come from the catalog, `shipper.secrets` and `gateways.yml`.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import yaml

from shipper.assets.generate.dialects import body_of, ruby
from shipper.assets.generate.packaged import gateways, script
from shipper.assets.generate.secrets import (
    Shape,
    assignment,
    own_names,
    own_shapes,
    pattern_of,
    shapes,
)
from shipper.catalog import Catalog, Scope, sentences
from shipper.catalog.derived import LOG_LEVELS, RELATED, SEVERITIES, constants_of, kind_of
from shipper.catalog.methods import Method, Source, methods
from shipper.secrets import assigned, names
from shipper.secrets import tables as structures
from shipper.secrets.items import PATH, TYPES
from shipper.secrets.numbers import IBAN_LENGTHS
from shipper.secrets.persons import BY_NAME

#: The levels that the scripts give to events.
_LEVELS = ("info", "warning", "high", "critical")


def tables(catalog: Catalog, scope: Scope) -> dict[str, Any]:
    """The tables of the scripts, as plain JSON."""
    foreign = gateways_table()
    return {
        "types": {
            name: {**constants_of(row, catalog, scope), "data_stream.namespace": "default"}
            for name, row in catalog.event_types.items()
        },
        "kinds": {path: str(kind_of(field)) for path, field in catalog.fields.items()},
        **_methods(),
        **foreign,
        "inferred": [list(row) for row in foreign["inferred"].items()],
        "datasets": [row.dataset for row in catalog.event_types.values()],
        "severities": {level: SEVERITIES[level] for level in _LEVELS},
        "levels": {level: LOG_LEVELS[level] for level in _LEVELS},
        "related": {path: list(sources) for path, sources in RELATED.items()},
        "sentences": sentences.rows(),
        "ibans": IBAN_LENGTHS,
        "structures": {
            "labels": sorted(names.LABELS),
            "values": sorted(names.VALUES),
            "secure": sorted(names.SECURE),
            "texts": sorted(names.TEXTS),
            "columns": list(structures.COLUMNS),
            "rows": list(structures.ROWS),
            "jwk": sorted(structures.OF_JWK),
            "manifest": sorted(structures.OF_MANIFEST),
            "types": sorted(TYPES),
        },
    }


def in_ruby(catalog: Catalog, scope: Scope) -> str:
    """The Logstash script with its tables in it."""
    patterns = {**_PATTERNS, "own_name": own_names(catalog.secrets)}
    everything = {
        **tables(catalog, scope),
        "patterns": {name: ruby(pattern) for name, pattern in patterns.items()},
        "persons": [[ruby(row.pattern), ruby(rf"(?i)\A(?:{form})\Z")] for row, form in BY_NAME],
        "shapes": [
            (shape.kind, _in_ruby(shape), shape.token, _lines(shape.gates), _lines(shape.words))
            for shape in (*shapes(), *own_shapes(catalog.secrets))
        ],
    }
    return script("mcp_normalise.rb").replace("@TABLES@", json.dumps(everything, indent=1))


@cache
def gateways_table() -> Mapping[str, Any]:
    """The table of other programs' logs, from `gateways.yml`."""
    table: dict[str, Any] = yaml.safe_load(gateways())
    return table


_PATTERNS = {
    "secret_name": names.SECRET_NAME.pattern,
    "last_word": names.LAST_WORD.pattern,
    "harmless": rf"(?x)\A(?:{body_of(names.HARMLESS.pattern)})\Z",
    "assignment": f"(?ix)(?:{body_of(assignment())})",
    "value": rf"(?isx)\A(?:{body_of(assigned.VALUE.pattern)})",
    "empty": rf"(?x)\A(?:{body_of(assigned.EMPTY.pattern)})",
    "path": rf"\A(?:{PATH.pattern})",
    "masked": rf"(?x)\A(?:{body_of(assigned.MASKED.pattern)})",
}


def _lines(gates: Iterable[str]) -> str:
    return "".join(f"{gate}\n" for gate in gates)


def _in_ruby(shape: Shape) -> str:
    return shape.code or ruby(pattern_of(shape))


def _methods() -> dict[str, Any]:
    table = methods()
    known = {**table.requests, **table.from_server}
    return {
        "methods": {name: _constants(row) for name, row in known.items()},
        "served": _constants(table.served),
        "unserved": _constants(table.unserved),
        "silent": sorted(table.silent),
        "asked": {name: _rows(row.params) for name, row in known.items() if row.params},
        "answered": {name: _rows(row.result) for name, row in known.items() if row.result},
        "any_result": _rows(table.any_result),
        "greetings": sorted(table.greetings),
        "schemes": table.schemes,
        "refused": [list(row) for row in table.refused.items()],
        "hosts": [list(row) for host in table.hosts.values() for row in host.meta.items()],
    }


def _constants(row: Method) -> dict[str, Any]:
    return {
        "type": str(row.event_type),
        "event.action": row.action,
        "event.category": list(row.category),
        "event.type": list(row.types),
    }


def _rows(sources: tuple[Source, ...]) -> list[list[str]]:
    return [[source.field, source.how, *source.places] for source in sources]
