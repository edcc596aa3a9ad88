"""Whether the fields that an asset names exist, with a type that fits what is done with them."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from shipper.assets.validate.kql import comparisons, parse

Types = Mapping[str, str]
Found = Iterator[str]

NUMBERS = frozenset({"double", "float", "long"})
DATES = frozenset({"date"})
#: What can be told apart by its value; texts and free-form objects cannot.
GROUPS = NUMBERS | DATES | {"boolean", "constant_keyword", "ip", "keyword"}


def field(path: object, types: Types, *, fit: frozenset[str] | None = None) -> Found:
    """Problems of one field name; `fit` are the types that will do."""
    if not isinstance(path, str) or path not in types:
        near = get_close_matches(str(path), types, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        yield f"no field {path!r} in the mappings{hint}"
    elif fit is not None and types[path] not in fit:
        yield f"field {path} is {types[path]}; it takes one of: {', '.join(sorted(fit))}"


def kql(query: object, types: Types) -> Found:
    """Problems of a query in Kibana's language."""
    if not isinstance(query, str):
        yield f"a query is text, not {type(query).__name__}"
        return
    try:
        named = comparisons(parse(query))
    except ValueError as error:
        yield f"the query {query!r} cannot be read: {error}"
        return
    for one in named:
        if "*" in one.path:
            if not any(fnmatchcase(path, one.path) for path in types):
                yield f"no field matches {one.path!r} in the mappings"
        elif one.path:
            yield from field(one.path, types, fit=None if one.operator == ":" else NUMBERS | DATES)
