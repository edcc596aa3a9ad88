"""A query in Kibana's language as a function of an event.

Values compare as on keyword, number, boolean and address fields: as a whole, with `*` as a
wildcard; a list matches if one of its values does.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from operator import ge, gt, le, lt
from typing import Any

from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range, Value, leaves
from shipper.detect.reading import Getter, getter

Predicate = Callable[[Any], bool]
_Network = IPv4Network | IPv6Network
#: What JSON's numbers become: no bool is one.
_NUMBERS = (int, float)
#: Values that a comparison with a pattern remembers: tools and addresses come again and again.
_CACHED = 1024
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
}


def predicate(node: Node) -> Predicate:
    """Whether an event matches the query."""
    paths = {leaf.path for leaf in leaves(node)}
    if isinstance(node, And | Or | Not) and len(paths) == 1:
        return _remembered(_predicate(node), getter(*paths))
    return _predicate(node)


def _remembered(holds: Predicate, get: Getter) -> Predicate:
    """The same for a query about one field: a value that comes again is not compared again."""
    known: dict[Any, bool] = {}

    def check(event: Any) -> bool:
        value = get(event)
        if type(value) is not str:
            return holds(event)
        found = known.get(value)
        if found is None:
            if len(known) >= _CACHED:
                known.clear()
            found = known[value] = holds(event)
        return found

    return check


def _predicate(node: Node) -> Predicate:
    match node:
        case And(parts):
            return _all([predicate(part) for part in parts])
        case Or(parts):
            return _any([predicate(part) for part in parts])
        case Not(part):
            holds = predicate(part)
            return lambda event: not holds(event)
        case Exists(path):
            get = getter(path)
            return lambda event: get(event) is not None
        case Range(path, operator, bound):
            return _in_range(getter(path), operator, bound)
        case Match(path, value):
            return _equal(getter(path), value)


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:  # noqa: PLR2004 - most queries; a generator takes longer than both
        first, second = parts
        return lambda event: first(event) and second(event)
    return lambda event: all(part(event) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:  # noqa: PLR2004
        first, second = parts
        return lambda event: first(event) or second(event)
    return lambda event: any(part(event) for part in parts)


def _in_range(get: Getter, operator: str, bound: str) -> Predicate:
    holds = _COMPARE[operator]
    try:
        number = float(bound)
    except ValueError:  # a date: events write theirs in one form, which sorts as text
        return lambda event: isinstance(value := get(event), str) and holds(value, bound)

    def check(event: Any) -> bool:
        value = get(event)
        return type(value) in _NUMBERS and holds(value, number)

    return check


def _equal(get: Getter, wanted: Value) -> Predicate:
    if len(wanted.texts) == 1:
        [text] = wanted.texts
        if network := _network(text):
            return _in_network(get, network)

        def is_text(event: Any) -> bool:
            value = get(event)
            if value is None or type(value) is str:
                return bool(value == text)
            return _is_one(value, text.__eq__)

        return is_text
    pattern = re.compile(".*".join(map(re.escape, wanted.texts)), re.DOTALL)

    @lru_cache(_CACHED)
    def matches(text: str) -> bool:
        return bool(pattern.fullmatch(text))

    return lambda event: _is_one(get(event), matches)


def _in_network(get: Getter, network: _Network) -> Predicate:
    """As Elasticsearch compares addresses with a term such as `10.0.0.0/8`."""

    @lru_cache(_CACHED)
    def matches(text: str) -> bool:
        try:
            return ip_address(text) in network
        except ValueError:
            return False

    return lambda event: _is_one(get(event), matches)


def _network(text: str) -> _Network | None:
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _is_one(value: Any, matches: Callable[[str], bool]) -> bool:
    if isinstance(value, str):
        return matches(value)
    if isinstance(value, list):
        return any(_is_one(one, matches) for one in value)
    return value is not None and matches(
        str(value).lower() if value in (True, False) else str(value)
    )
