"""Elasticsearch's bulk API: bytes and meaning, no network.

Every line becomes a `create`, the only operation that data streams take. It goes to the data
stream that it names (`data_stream.type`, `.dataset`, `.namespace`), or to an alias or a monthly
index of its dataset, under an id that is given or its own `event.id`, so that sending it again
leaves one document. The bytes of the line stay unchanged.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from shipper.errors import ProtocolError
from shipper.names import STREAM_TYPES, is_part

#: Only what `read_response` needs: a full answer is as long as the request.
FILTER_PATH = ",".join(
    f"items.*.{name}"
    for name in ("status", "error.type", "error.reason", "error.index", "failure_store")
)

_MAX_ID_BYTES = 512  # Elasticsearch's own

#: Bound the memory for names of data streams, which foreign lines choose.
_MAX_KNOWN = 1000
_MAX_KNOWN_BYTES = 512

_UTC = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}T[0-9:.]{5,20}Z")

# The depth at which msgspec gives up depends on the depth of the calls: a line that passed the
# reader's check may still be too deep here.
_ODD = (msgspec.ValidationError, RecursionError)

_encode = msgspec.json.Encoder().encode

_NO_INDICES: Final[Mapping[str, str]] = MappingProxyType({})

_TIMESTAMP = "@timestamp"

#: In the lines that name a part of their data stream by a dotted key.
_DOTTED = b'"data_stream.'
_PARTS = ("type", "dataset", "namespace")

_T = TypeVar("_T")


class _DataStream(msgspec.Struct, frozen=True):  # a part of a key of `_Heads`
    type: str = "logs"
    dataset: str = "generic"
    namespace: str = "default"


_QUOTE = ord('"')

_NULL = msgspec.Raw(b"null")


class _Event(msgspec.Struct):
    #: Exactly as in the line, quoted and escaped; it goes into the action unchanged.
    id: msgspec.Raw = _NULL


class _Target(msgspec.Struct):
    #: As in the line: most lines name it with the same bytes, so few have to be read.
    data_stream: msgspec.Raw = _NULL


class _Route(_Target):
    event: _Event | None = None


class _DatedRoute(_Route):
    timestamp: str | None = msgspec.field(default=None, name="@timestamp")


_R = TypeVar("_R", bound=_Target)

_targets = msgspec.json.Decoder(_Target)
_routes = msgspec.json.Decoder(_Route)
_dated_routes = msgspec.json.Decoder(_DatedRoute)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Heads(dict[Any, bytes]):
    """The beginnings of actions, each made when its key is first used."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: Any) -> bytes:
        head = self._make(key)
        if len(self) == _MAX_KNOWN:
            self.clear()
        if len(key) <= _MAX_KNOWN_BYTES:
            self[key] = head
        return head


class ActionEncoder:
    """Makes the action that precedes each line: a `create` in the data stream that the line names.

    The lines of some datasets go to `indices` instead: to the write index of their alias, or to
    the index of the month of their `@timestamp`, in UTC.
    """

    __slots__ = ("_default", "_heads", "_indices", "_monthly_heads")

    def __init__(
        self, index: str, indices: Mapping[str, str] = _NO_INDICES, *, is_monthly: bool = False
    ) -> None:
        """`index`: for lines without a (valid) data stream; `indices`: the alias of a dataset."""
        self._default, self._indices = _action_head(index), indices
        self._heads = _Heads(self._head)
        self._monthly_heads = _Heads(self._monthly_head) if is_monthly else None

    @property
    def default(self) -> bytes:
        """The beginning of the action of a line that names no data stream."""
        return self._default

    def actions(self, block: bytes, ids: Sequence[bytes] = ()) -> list[bytes]:
        """The action of each line of `block`, newline included.

        `ids`: the id of each line, which needs no escape; empty for a line that has its own, or
        if each has.
        """
        if self._monthly_heads is not None:
            dated = _read_dated_routes(block)
            heads = [self._dated_head(route, self._monthly_heads) for route in dated]
            return _identified(heads, dated, ids)
        if ids and all(ids):
            head_of = self._heads
            return [
                b'%b,"_id":"%b"}}\n' % (head_of[bytes(target.data_stream)], ident)
                for target, ident in zip(_read_targets(block), ids, strict=True)
            ]
        routes = _read_routes(block)
        heads = [self._heads[bytes(route.data_stream)] for route in routes]
        return _identified(heads, routes, ids)

    def _head(self, data: bytes) -> bytes:
        stream = _stream(data)
        if stream is None:
            return self._default
        if self._has_index(stream):
            # Without this a missing alias would be created as an index, with wrong mappings.
            return _action_head(self._indices[stream.dataset]) + b',"require_alias":true'
        parts = (stream.type, stream.dataset, stream.namespace)
        name = "-".join(parts)
        is_valid = stream.type in STREAM_TYPES and all(map(is_part, parts))
        is_taken = any(name.startswith(f"{index}-") for index in self._indices.values())
        return _action_head(name) if is_valid and not is_taken else self._default

    def _dated_head(self, route: _DatedRoute, heads: _Heads) -> bytes:
        data = bytes(route.data_stream)
        stream = _stream(data)
        if stream is None or not self._has_index(stream):
            return self._heads[data]
        month = month_of(route.timestamp)
        return heads[stream.dataset, month] if month else self._default

    def _has_index(self, stream: _DataStream) -> bool:
        return stream.type == "logs" and stream.dataset in self._indices

    def _monthly_head(self, key: tuple[str, str]) -> bytes:
        dataset, month = key
        return _action_head(f"{self._indices[dataset]}-{month}")


def month_of(timestamp: str | None) -> str | None:
    """The month of an ISO 8601 time, in UTC, as `2026-11`; None if `timestamp` is not a time."""
    if timestamp is None:
        return None
    if _UTC.fullmatch(timestamp):
        return timestamp[:7]  # the form in mcp-shipper's own events
    try:
        moment = datetime.fromisoformat(timestamp)
        return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m}"
    except (ValueError, OverflowError):
        return None


def _identified(
    heads: Sequence[bytes], routes: Sequence[_Route], ids: Sequence[bytes]
) -> list[bytes]:
    """The complete actions, with the given id of each line, or its own where it can be an `_id`."""
    idents = [b"" if (event := route.event) is None else bytes(event.id) for route in routes]
    if ids:
        pairs = zip(ids, idents, strict=True)
        idents = [b'"%b"' % given if given else own for given, own in pairs]
    # All are checked in sweeps in C: a call for each id costs more than everything else.
    sizes = set(map(len, idents))
    are_ids = (
        bool(sizes)
        and len(b'""') < min(sizes)
        and max(sizes) <= _MAX_ID_BYTES
        and set(map(itemgetter(0), idents)) == {_QUOTE}
    )
    return [
        b"".join((head, b',"_id":', ident, b"}}\n")) if are_ids or _is_id(ident) else head + b"}}\n"
        for head, ident in zip(heads, idents, strict=True)
    ]


def _is_id(ident: bytes) -> bool:
    """Whether `ident` is a string that can be an `_id`."""
    if not ident.startswith(b'"'):
        return False
    return 0 < len(msgspec.json.decode(ident, type=str).encode()) <= _MAX_ID_BYTES


def _action_head(index: str) -> bytes:
    return b'{"create":{"_index":%b' % _encode(index)


def _stream(data: bytes) -> _DataStream | None:
    """The data stream that a line names; None if it has an odd shape."""
    with suppress(*_ODD):
        return msgspec.json.decode(data, type=_DataStream | None)
    return None


def _read_targets(block: bytes) -> Sequence[_Target]:
    return _read(block, _targets)


def _read_routes(block: bytes) -> Sequence[_Route]:
    return _read(block, _routes)


def _read_dated_routes(block: bytes) -> Sequence[_DatedRoute]:
    return _read(block, _dated_routes)


def _read(block: bytes, decoder: msgspec.json.Decoder[_R]) -> Sequence[_R | _DatedRoute]:
    """The targets of all lines, in one call in C where no line names its stream in dotted keys."""
    if _DOTTED not in block:
        with suppress(*_ODD):
            return decoder.decode_lines(block)
    return _odd_routes(block)


def _odd_routes(block: bytes) -> list[_DatedRoute]:
    return list(map(_odd_route, block.split(b"\n")[:-1]))  # a CR does not end a line


def _odd_route(line: bytes) -> _DatedRoute:
    """The route of a line whose fields may have any shape; an odd field counts as absent."""
    try:
        members = _members.decode(line)
    except _ODD:
        return _DatedRoute()
    return _DatedRoute(
        _named_stream(members),
        _member(members, "event", _Event),
        _member(members, "@timestamp", str),
    )


def _named_stream(members: Mapping[str, msgspec.Raw]) -> msgspec.Raw:
    """The data stream of a line, which may name each part by a dotted key of its root.

    Elasticsearch sees both forms as the same field.
    """
    whole = members.get("data_stream", _NULL)
    parts = {name: members[key] for name in _PARTS if (key := f"data_stream.{name}") in members}
    if not parts:
        return whole
    try:
        nested = msgspec.json.decode(whole, type=dict[str, msgspec.Raw] | None) or {}
    except _ODD:
        return whole
    return msgspec.Raw(_encode({**parts, **nested}))


def _member(members: Mapping[str, msgspec.Raw], name: str, expected: type[_T]) -> _T | None:
    with suppress(*_ODD):
        return msgspec.json.decode(members.get(name, b"null"), type=expected)
    return None


def is_dated(line: bytes | memoryview) -> bool:
    """Whether the line has an `@timestamp`."""
    try:
        return _TIMESTAMP in _members.decode(line)
    except _ODD:
        return True  # it is sent as it is


def dated(line: bytes | memoryview, now: str) -> bytes:
    """The line, which has no `@timestamp`, with this one as its first member."""
    rest = bytes(line)[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"%b":%b%b%b' % (_TIMESTAMP.encode(), _encode(now), comma, rest)


def body(actions: Sequence[bytes], lines: Sequence[memoryview]) -> bytes:
    """The body of a request: action and line in turn, both with their newlines."""
    return b"".join(chain.from_iterable(zip(actions, lines, strict=True)))


class Error(msgspec.Struct, frozen=True):
    """Why an item failed."""

    type: str = "unknown"
    reason: str | None = None
    #: The index that the item was meant for, where that is known.
    index: str | None = None


class Item(msgspec.Struct, frozen=True):
    """The result of one line."""

    status: int
    error: Error | None = None
    failure_store: str | None = None


class _Created(msgspec.Struct):
    create: Item


class _Response(msgspec.Struct):
    items: list[_Created]


class _Failure(msgspec.Struct):
    error: Error | str = ""


_responses = msgspec.json.Decoder(_Response)
_failures = msgspec.json.Decoder(_Failure)


def read_response(data: bytes, expected: int) -> list[Item]:
    """The items of a bulk response; raises `ProtocolError` if their number is not `expected`."""
    try:
        items = _responses.decode(data).items
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"the answer to a bulk request cannot be read: {error}") from error
    if len(items) != expected:
        raise ProtocolError(f"expected the outcome of {expected} lines, got {len(items)}")
    return [item.create for item in items]


def read_failure(data: bytes) -> str:
    """The reason in the answer to a failed request, as `type: reason`; empty if there is none."""
    try:
        error = _failures.decode(data).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return error if isinstance(error, str) else f"{error.type}: {error.reason}"
