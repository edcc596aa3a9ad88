"""A query in Kibana's language, checked, for lines on disk and for documents in Elasticsearch."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct

from shipper.assets.generate.kibana.filters import filters
from shipper.catalog import Catalog
from shipper.catalog.kql import And, Leaf, Match, Node, Not, Or, Range, leaves, parse
from shipper.catalog.model import DATES, NUMBERS
from shipper.detect.matching import predicate
from shipper.detect.reading import UNREADABLE, Reading
from shipper.errors import ShipperError

#: The time of a line, as text that compares like the time.
TIME = slice(len(b'{"@timestamp":"'), len(b'{"@timestamp":"2026-11-30T12:00:00.000000'))
#: Of these, an hour more or less is a time too.
_YEARS = range(1900, 9000)
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
_WHOLE = frozenset({"keyword", "constant_keyword", "flattened"})


#: Bytes of which a line has at least one.
Needles = tuple[bytes, ...]


class BadQuery(ShipperError):
    """The query cannot be answered; the message says why."""


class Query(Struct, frozen=True):
    """What to search for: a query, and a range of time."""

    text: str
    node: Node | None
    #: The type of each field that the query names.
    types: Mapping[str, str]
    since: datetime | None = None
    #: Events at this time and later are not found.
    until: datetime | None = None

    @property
    def clauses(self) -> Sequence[Mapping[str, Any]]:
        """What an Elasticsearch document must match all of."""
        bounds = {"gte": self.since, "lt": self.until}
        times = {name: time.strftime(_TIME_FORMAT) + "Z" for name, time in bounds.items() if time}
        within: list[Mapping[str, Any]] = [{"range": {"@timestamp": times}}] if times else []
        return [*filters(self.text, self.types), *within]

    @property
    def needles(self) -> Sequence[Needles]:
        """Groups of bytes: a line that matches has at least one of each group."""
        return _needles(self.node, self.types)

    def matcher(self) -> Callable[[bytes], bool]:
        """Whether a line matches."""
        holds = self._holds()
        if self.since is None and self.until is None:
            return holds
        is_within = self.within()
        return lambda line: is_within(line[TIME]) and holds(line)

    def is_before(self, margin: timedelta) -> Callable[[bytes], bool]:
        """Whether a time lies before the range, by more than a margin."""
        bound = _text(self.since - margin) if self.since else b""
        return lambda time: time < bound

    def is_after(self, margin: timedelta) -> Callable[[bytes], bool]:
        """Whether a time lies after the range, by more than a margin."""
        bound = _text(self.until + margin) if self.until else b"~"
        return lambda time: time >= bound

    def within(self) -> Callable[[bytes], bool]:
        """Whether a time lies in the range."""
        since = _text(self.since) if self.since else b""
        until = _text(self.until) if self.until else b"~"
        return lambda time: since <= time < until

    def _holds(self) -> Callable[[bytes], bool]:
        if self.node is None:
            return lambda _: True
        decode, matches = Reading(self.types).decode, predicate(self.node)

        def holds(line: bytes) -> bool:
            try:
                event = decode(line)
            except UNREADABLE:
                return False
            return matches(event)

        return holds


def query_of(
    text: str, catalog: Catalog, since: datetime | None = None, until: datetime | None = None
) -> Query:
    """The checked query; raises `BadQuery`."""
    try:
        node = parse(text)
    except ValueError as error:
        raise BadQuery(f"the query cannot be read: {error}") from error
    types = {leaf.path: _type_of(leaf.path, catalog) for leaf in leaves(node)}
    for leaf in leaves(node):
        if fault := _fault(leaf, types[leaf.path]):
            raise BadQuery(fault)
    for path in types:
        if inner := next((one for one in types if one.startswith(f"{path}.")), None):
            raise BadQuery(f"{path} and its key {inner} cannot be in one query")
    return Query(text, node and _by_size(node, types), types, since, until)


def time_of(text: str) -> datetime:
    """A date or a time, in UTC unless it names another zone; raises `BadQuery`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadQuery(
            f"{text!r} is not a time, such as 2026-11-30 or 2026-11-30T12:00Z"
        ) from error
    if time.year not in _YEARS:
        raise BadQuery(f"{text!r}: expected a year from {_YEARS.start} to {_YEARS.stop - 1}")
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def text_of(time: datetime) -> str:
    """The time as the lines write it, without the zone."""
    return time.strftime(_TIME_FORMAT)


def _text(time: datetime) -> bytes:
    return text_of(time).encode()


def _type_of(path: str, catalog: Catalog) -> str:
    if not path:
        raise BadQuery("a word needs a field before it, such as user.id: bob")
    if row := catalog.fields.get(path):
        return row.type
    parents = (row for row in catalog.fields.values() if path.startswith(f"{row.path}."))
    if any(row.type == "flattened" for row in parents):
        return "keyword"
    near = get_close_matches(path, catalog.fields, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise BadQuery(f"no event has the field {path!r}{hint}")


def _fault(leaf: Leaf, kind: str) -> str | None:
    """Why the comparison does not mean the same on disk and in Elasticsearch."""
    if kind in DATES and isinstance(leaf, Match | Range):
        return f"{leaf.path} is a time: give times with since and until, not in the query"
    if isinstance(leaf, Range) and not (kind in NUMBERS and _is_number(leaf.bound)):
        return f"{leaf.path} {leaf.operator} {leaf.bound}: only numbers are compared by size"
    return _match_fault(leaf, kind) if isinstance(leaf, Match) else None


def _match_fault(leaf: Match, kind: str) -> str | None:
    if kind == "match_only_text":
        return f"{leaf.path} is a text: only its presence can be queried ({leaf.path}: *)"
    if kind in _WHOLE:
        return None
    if len(leaf.value.texts) > 1:
        return f"{leaf.path} is {kind}: a wildcard stands alone there"
    text = leaf.value.texts[0]
    if kind == "ip" and "/" in text:
        return f"{leaf.path}: give an address, not a network"
    if kind in NUMBERS:
        return None if text.lstrip("-").isdecimal() else f"{leaf.path} takes a whole number"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _needles(node: Node | None, types: Mapping[str, str]) -> list[Needles]:
    match node:
        case And(parts):
            return [group for part in parts for group in _needles(part, types)]
        case Or(parts):
            return _of_any([_needles(part, types) for part in parts])
        case Match(path, value) if types[path] in _WHOLE | {"ip"}:
            return [(needle,)] if (needle := _needle(value.texts)) else []
    return []


def _needle(texts: Sequence[str]) -> bytes:
    """Bytes that a value has; with its quotes, if only a text can have this value."""
    if len(texts) > 1 or texts[0] in ("true", "false") or _is_number(texts[0]):
        return max((msgspec.json.encode(text)[1:-1] for text in texts), key=len)
    return msgspec.json.encode(texts[0])


def _of_any(parts: Sequence[Sequence[Needles]]) -> list[Needles]:
    """One group for all alternatives, of which each gives its longest needles."""
    if not all(parts):
        return []
    best = [max(groups, key=lambda group: min(map(len, group))) for groups in parts]
    return [tuple(dict.fromkeys(needle for group in best for needle in group))]


def _by_size(node: Node, types: Mapping[str, str]) -> Node:
    """The query with numbers compared by their size: 1 is 1.0."""
    match node:
        case And(parts) | Or(parts):
            return type(node)(tuple(_by_size(part, types) for part in parts))
        case Not(part):
            return Not(_by_size(part, types))
        case Match(path, value) if types[path] in NUMBERS:
            return And(tuple(Range(path, sign, value.texts[0]) for sign in (">=", "<=")))
    return node
