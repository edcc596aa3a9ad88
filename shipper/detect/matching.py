"""A query in Kibana's language as a function of an event.

Values compare as on keyword, number, boolean and address fields: as a whole, with `*` as a
wildcard; a list matches if one of its values does.
"""

import re
from collections.abc import Callable
from typing import Any

from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range, Value
from shipper.detect.reading import Getter

Predicate = Callable[[Any], bool]
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}


def predicate(node: Node, getter: Callable[[str], Getter]) -> Predicate:
    """Whether an event matches the query."""
    match node:
        case And(parts):
            return _all([predicate(part, getter) for part in parts])
        case Or(parts):
            return _any([predicate(part, getter) for part in parts])
        case Not(part):
            holds = predicate(part, getter)
            return lambda event: not holds(event)
        case Exists(path):
            get = getter(path)
            return lambda event: get(event) is not None
        case Range(path, operator, bound):
            return _in_range(getter(path), operator, float(bound))
        case Match(path, value):
            return _equal(getter(path), value)


def datasets(node: Node) -> frozenset[str] | None:
    """The datasets outside of which the query cannot hold; None if it does not say."""
    match node:
        case Match("event.dataset" | "data_stream.dataset", Value(texts=(text,))):
            return frozenset({text})
        case And(parts):
            found = [one for part in parts if (one := datasets(part)) is not None]
            return frozenset.intersection(*found) if found else None
        case Or(parts):
            inner = [datasets(part) for part in parts]
            return None if None in inner else frozenset().union(*filter(None, inner))
    return None


def _all(parts: list[Predicate]) -> Predicate:
    return lambda event: all(part(event) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    return lambda event: any(part(event) for part in parts)


def _in_range(get: Getter, operator: str, bound: float) -> Predicate:
    holds = _COMPARE[operator]

    def check(event: Any) -> bool:
        value = get(event)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and holds(value, bound)

    return check


def _equal(get: Getter, wanted: Value) -> Predicate:
    if len(wanted.texts) == 1:
        [text] = wanted.texts
        return lambda event: _is_one(get(event), text.__eq__)
    pattern = re.compile(".*".join(map(re.escape, wanted.texts)), re.DOTALL)
    return lambda event: _is_one(get(event), lambda text: bool(pattern.fullmatch(text)))


def _is_one(value: Any, matches: Callable[[str], bool]) -> bool:
    if isinstance(value, str):
        return matches(value)
    if isinstance(value, list):
        return any(_is_one(one, matches) for one in value)
    return value is not None and matches(
        str(value).lower() if value in (True, False) else str(value)
    )
