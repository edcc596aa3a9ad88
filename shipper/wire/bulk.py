"""Elasticsearch's bulk API: bytes and meaning, no network.

Every line becomes a `create`, the only operation that data streams take. It goes to the data
stream that it names itself (`data_stream.type`, `.dataset`, `.namespace`), or to an alias or a
monthly index of its dataset, under its own `event.id`, so that sending it again leaves one
document. The line's bytes go out as they came.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from operator import itemgetter
from typing import Any, TypeGuard

import msgspec

from shipper.errors import ProtocolError
from shipper.names import is_part

#: Only what `read_response` needs: a full answer is as long as the request.
FILTER_PATH = "items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store"

_MAX_ID_BYTES = 512  # Elasticsearch's own

#: Names of data streams that a stranger's lines can make us remember.
_MAX_KNOWN = 1000

_UTC = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-[0-9]{2}T[0-9:.]{5,20}Z")

# How deep a line may nest depends on how deep the calls do: what passed the reader's check may
# still be too deep here.
_ODD = (msgspec.ValidationError, RecursionError)

_encode = msgspec.json.Encoder().encode


class _Stream(msgspec.Struct, frozen=True):  # a key of what is known
    type: str = "logs"
    dataset: str = "generic"
    namespace: str = "default"


_QUOTE = ord('"')

_NO_ID = msgspec.Raw(b"null")


class _Event(msgspec.Struct):
    #: As the line has it, quoted and escaped: into the action it goes the same way.
    id: msgspec.Raw = _NO_ID


class _Route(msgspec.Struct):
    data_stream: _Stream | None = None
    event: _Event | None = None


class _DatedRoute(_Route):
    timestamp: str | None = msgspec.field(default=None, name="@timestamp")


class _TimestampOnly(msgspec.Struct):
    timestamp: str | None = msgspec.field(default=None, name="@timestamp")


class _StreamOnly(msgspec.Struct):
    data_stream: _Stream | None = None


class _EventOnly(msgspec.Struct):
    event: _Event | None = None


_routes = msgspec.json.Decoder(_Route)
_stream_only = msgspec.json.Decoder(_StreamOnly)
_event_only = msgspec.json.Decoder(_EventOnly)
_dated_routes = msgspec.json.Decoder(_DatedRoute)
_timestamp_only = msgspec.json.Decoder(_TimestampOnly)


class _Heads(dict[Any, bytes]):
    """What an action begins with, by what it is made from; made where it is not known yet."""

    def __init__(self, make: Callable[[Any], bytes]) -> None:
        self._make = make

    def __missing__(self, key: object) -> bytes:
        if len(self) == _MAX_KNOWN:
            self.clear()
        head = self[key] = self._make(key)
        return head


class Encoder:
    """Makes the action that precedes each line: into the data stream that the line names."""

    __slots__ = ("_default", "_heads")

    def __init__(self, index: str) -> None:
        """Send lines that name no (valid) data stream to `index`."""
        self._default = _action_head(index)
        self._heads = _Heads(self._head)

    def actions(self, block: bytes) -> list[bytes]:
        """The action of each line of `block`, newline included."""
        routes, heads = _read_routes(block), self._heads
        return _identified([heads[route.data_stream] for route in routes], routes)

    def _head(self, stream: _Stream | None) -> bytes:
        if stream is None:
            return self._default
        name = (stream.type, stream.dataset, stream.namespace)
        is_valid = all(map(is_part, name))
        return _action_head("-".join(name)) if is_valid else self._default


class AliasEncoder(Encoder):
    """Sends the lines of some datasets to the write index of an alias."""

    __slots__ = ("_indices",)

    def __init__(self, index: str, indices: Mapping[str, str]) -> None:
        """`indices` has the alias of each dataset; other lines go where `Encoder` sends them."""
        super().__init__(index)
        self._indices = indices

    def _head(self, stream: _Stream | None) -> bytes:
        if self._is_ours(stream):
            # An alias that is missing would be made, as an index, with mappings of its own.
            return _action_head(self._indices[stream.dataset]) + b',"require_alias":true'
        return super()._head(stream)

    def _is_ours(self, stream: _Stream | None) -> TypeGuard[_Stream]:
        return stream is not None and stream.type == "logs" and stream.dataset in self._indices


class MonthlyEncoder(AliasEncoder):
    """Sends the lines of some datasets to an index of the month of their `@timestamp`, in UTC."""

    __slots__ = ("_monthly",)

    def __init__(self, index: str, indices: Mapping[str, str]) -> None:
        super().__init__(index, indices)
        self._monthly = _Heads(lambda key: _action_head(f"{indices[key[0]]}-{key[1]}"))

    def actions(self, block: bytes) -> list[bytes]:
        routes = _read_dated_routes(block)
        return _identified([self._dated_head(route) for route in routes], routes)

    def _dated_head(self, route: _DatedRoute) -> bytes:
        stream = route.data_stream
        if not self._is_ours(stream):
            return self._heads[stream]
        month = month_of(route.timestamp)
        return self._monthly[stream.dataset, month] if month else self._default


def month_of(timestamp: str | None) -> str | None:
    """The month of an ISO 8601 time, in UTC, as `2026-11`; None if it is none."""
    if timestamp is None:
        return None
    if _UTC.fullmatch(timestamp):
        return timestamp[:7]  # as events of ours are written
    try:
        moment = datetime.fromisoformat(timestamp)
        return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m}"
    except (ValueError, OverflowError):
        return None


def _identified(heads: Sequence[bytes], routes: Sequence[_Route]) -> list[bytes]:
    """The actions with the ids of the lines that have one which Elasticsearch takes."""
    idents = [b"" if (event := route.event) is None else bytes(event.id) for route in routes]
    # All looked at in sweeps in C: a call for each id costs more than all the rest.
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
    """Whether it is a string that can be an `_id`."""
    if not ident.startswith(b'"'):
        return False
    return 0 < len(msgspec.json.decode(ident, type=str).encode()) <= _MAX_ID_BYTES


def _action_head(index: str) -> bytes:
    return b'{"create":{"_index":%b' % _encode(index)


def _read_routes(block: bytes) -> list[_Route]:
    try:
        return _routes.decode_lines(block)  # one call in C; the usual case
    except _ODD:
        return list(map(_read_route, block.split(b"\n")[:-1]))  # a CR ends no line


def _read_route(line: bytes) -> _Route:
    """The route of a line whose fields may have any shape; what is odd counts as absent."""
    stream = event = None
    with suppress(*_ODD):
        stream = _stream_only.decode(line).data_stream
    with suppress(*_ODD):
        event = _event_only.decode(line).event
    return _Route(stream, event)


def _read_dated_routes(block: bytes) -> list[_DatedRoute]:
    try:
        return _dated_routes.decode_lines(block)
    except _ODD:
        return list(map(_read_dated_route, block.split(b"\n")[:-1]))


def _read_dated_route(line: bytes) -> _DatedRoute:
    route, timestamp = _read_route(line), None
    with suppress(*_ODD):
        timestamp = _timestamp_only.decode(line).timestamp
    return _DatedRoute(route.data_stream, route.event, timestamp)


def body(actions: Sequence[bytes], lines: Sequence[memoryview]) -> bytes:
    """The request's body: action and line in turn, both with their newlines."""
    return b"".join(chain.from_iterable(zip(actions, lines, strict=True)))


class Error(msgspec.Struct, frozen=True):
    """Why an item failed."""

    type: str = "unknown"
    reason: str | None = None


class Item(msgspec.Struct, frozen=True):
    """What became of one line."""

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
    """The items of a bulk response; anything but exactly `expected` of them is an error."""
    try:
        items = _responses.decode(data).items
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"the answer to a bulk request cannot be read: {error}") from error
    if len(items) != expected:
        raise ProtocolError(f"expected the outcome of {expected} lines, got {len(items)}")
    return [item.create for item in items]


def read_failure(data: bytes) -> str:
    """What a failed request says of itself, as `type: reason`; empty if it says nothing."""
    try:
        error = _failures.decode(data).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return error if isinstance(error, str) else f"{error.type}: {error.reason}"
