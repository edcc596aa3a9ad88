"""The operations in GraphQL's schema language, made from the tables of requests and answers."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from shipper.api.answers import ANSWERS
from shipper.api.operations import OPERATIONS
from shipper.api.requests import MEMBERS, REQUIRED
from shipper.catalog import Catalog, Field

#: Members of an event that are no fields of the catalog: `@timestamp`, and the complete event.
TIME, WHOLE = "timestamp", "document"
#: What changes the record.
_MUTATIONS = ("log_audit_event", "log_audit_events")
_SCALARS = {"string": "String", "boolean": "Boolean", "number": "Float", "integer": "Long"}
_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*", re.ASCII)

Json = Mapping[str, Any]
#: The fields of events by the parts of their paths.
_Tree = dict[str, "Field | _Tree"]


def definitions(catalog: Catalog) -> str:
    """The schema."""
    return "\n".join(_lines(catalog))


def _lines(catalog: Catalog) -> Iterator[str]:
    yield '"Any JSON value." scalar JSON'
    yield '"A whole number of any size." scalar Long'
    _, types = msgspec.json.schema_components(ANSWERS.values(), ref_template="{name}")
    for kind, is_mutation in (("Query", False), ("Mutation", True)):
        names = [name for name in OPERATIONS if (name in _MUTATIONS) is is_mutation]
        yield _block(
            kind, (f"{name}{_arguments(name)}: {ANSWERS[name].__name__}" for name in names)
        )
    for name, schema in types.items():
        if schema.get("type") == "object":
            yield _block(name, _members(schema, types), schema.get("description", ""))
    yield from _events("Event", _tree(catalog))


def _block(name: str, members: Iterable[str], what: str = "") -> str:
    return f"{_text(what)}type {name} {{\n  " + "\n  ".join(members) + "\n}"


def _text(what: str) -> str:
    return f"{json.dumps(what)} " if what else ""


def _operation(name: str) -> str:
    return f"{name}{_arguments(name)}: {ANSWERS[name].__name__}"


def _arguments(operation: str) -> str:
    needed = REQUIRED.get(operation, ())
    found = [
        f"{_text(one.schema.get('description', ''))}{name}: {_type(one.schema, {})}"
        f"{'!' if name in needed else ''}"
        for name, one in MEMBERS[operation].items()
    ]
    return f"({', '.join(found)})" if found else ""


def _members(schema: Json, types: Json) -> Iterator[str]:
    for name, one in schema["properties"].items():
        yield f"{name}: {_type(one, types)}"


def _type(schema: Json, types: Json) -> str:
    if name := schema.get("$ref"):
        return str(name) if types[name].get("type") == "object" else "String"
    if "type" not in schema:
        return next(_type(one, types) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("title") == "Event":
        return "Event"
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return f"[{_type(schema['items'], types)}!]" if kind == "array" else _SCALARS.get(kind, "JSON")


def _tree(catalog: Catalog) -> _Tree:
    """Fields below one that takes any keys are part of its value."""
    tree: _Tree = {}
    for path in sorted(catalog.fields):
        *outer, last = path.split(".")
        node: Any = tree
        for part in outer:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and all(map(_NAME.fullmatch, path.split("."))):
            node[last] = catalog.fields[path]
    return tree


def _events(name: str, tree: _Tree) -> Iterator[str]:
    inner = {f"{name}_{part}": one for part, one in tree.items() if isinstance(one, dict) and one}
    members = [
        f"{_text(one.meaning)}{part}: JSON" if isinstance(one, Field) else f"{part}: {name}_{part}"
        for part, one in tree.items()
        if isinstance(one, Field) or one
    ]
    own = [f"{TIME}: String", f"{WHOLE}: JSON"] if name == "Event" else []
    yield _block(name, [*own, *members])
    for kind, one in inner.items():
        yield from _events(kind, one)
