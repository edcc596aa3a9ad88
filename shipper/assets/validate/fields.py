"""Checks that the fields which an asset names exist, with a type that fits their use."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from shipper.catalog.kql import Range, leaves, parse
from shipper.catalog.model import DATES, NUMBERS

Types = Mapping[str, str]
Findings = Iterator[str]
_SIZES = NUMBERS | DATES


def field(path: object, types: Types, *, fit: frozenset[str] | None = None) -> Findings:
    """Problems of one field name; `fit` are the accepted types."""
    if not isinstance(path, str) or path not in types:
        near = get_close_matches(str(path), types, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"the mappings have no field {path!r}{hint}"
    elif fit is not None and types[path] not in fit:
        yield f"field {path} is {types[path]}; it takes one of: {', '.join(sorted(fit))}"


def kql(query: object, types: Types) -> Findings:
    """Problems of a query in Kibana's language."""
    if not isinstance(query, str):
        yield f"a query is text, not {type(query).__name__}"
        return
    try:
        tree = parse(query)
    except ValueError as error:
        yield f"the query {query!r} cannot be read: {error}"
        return
    for leaf in leaves(tree):
        if "*" in leaf.path:
            if not any(fnmatchcase(path, leaf.path) for path in types):
                yield f"no field of the mappings matches {leaf.path!r}"
        elif leaf.path:
            yield from field(leaf.path, types, fit=_SIZES if isinstance(leaf, Range) else None)
